// The same sum as conv2d_bwd_w.wgsl through workgroup memory (shared/tile.wgsl), for GPUs: 64 channels x 128 weights
// and 8 positions at a time, 8 x 8 an invocation. No squares: their totals would take the registers of a second tile.
override BM: u32 = 64u;
override BN: u32 = 128u;
override BK: u32 = 8u;
override WG: u32 = 128u;

#import conv_weight
#import tile8
