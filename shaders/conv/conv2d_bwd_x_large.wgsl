// The same sum as conv2d_bwd_x.wgsl through workgroup memory (shared/tile.wgsl), for GPUs: 64 channels x 128 pixels
// and 8 terms at a time, 8 x 8 an invocation.
override BM: u32 = 64u;
override BN: u32 = 128u;
override BK: u32 = 8u;
override WG: u32 = 128u;

#import conv_input
#import tile8
