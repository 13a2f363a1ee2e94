// The same sum as conv2d.wgsl through workgroup memory (shared/tile.wgsl), for GPUs: 64 channels x 128 positions and 8
// terms at a time, 8 x 8 an invocation. 2 * 64 * 128 operations for 4 * 192 bytes that are staged: 21 for each byte,
// most of which the caches hold, since the pixels of neighbouring taps are the same.
override BM: u32 = 64u;
override BN: u32 = 128u;
override BK: u32 = 8u;
override WG: u32 = 128u;

#import conv_forward
#import tile8
