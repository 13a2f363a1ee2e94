// The same sum as conv2d.wgsl through workgroup memory (shared/tile.wgsl), for GPUs: 32 channels x 64 positions and 16
// terms at a time, 4 x 4 an invocation; where channels are few, 16 x 128, so that less of the tile is empty.
override BM: u32 = 32u;
override BN: u32 = 64u;
override BK: u32 = 16u;
override WG: u32 = 128u;

#import conv_forward
#import tile4
