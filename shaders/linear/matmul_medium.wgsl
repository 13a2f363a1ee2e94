// The same product as matmul.wgsl through workgroup memory (shared/tile.wgsl), for GPUs: 128 x 64 of y and 8 terms at a
// time, 8 x 8 an invocation: half the workgroup of matmul_large.wgsl for twice as many of them.
override BM: u32 = 128u;
override BN: u32 = 64u;
override BK: u32 = 8u;
override WG: u32 = 128u;

#import product_tiles
#import tile8
