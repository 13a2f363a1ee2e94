// The same sum as conv2d_bwd_w.wgsl through workgroup memory (shared/tile.wgsl), for GPUs: 32 channels x 64 weights
// and 16 positions at a time, 4 x 4 an invocation; where channels are few, 16 x 128. One sample's sums are squared in
// registers (SQUARE, NORM), so the exact Fisher diagonal and the norms cost what the gradient costs.
override BM: u32 = 32u;
override BN: u32 = 64u;
override BK: u32 = 16u;
override WG: u32 = 128u;

#import conv_weight
#import tile4
