// The same product as matmul.wgsl through workgroup memory (shared/tile.wgsl), for GPUs: 64 x 64 of y and 16 terms at a
// time, 4 x 4 an invocation: few registers, for adapters that have few and for results of middle size.
override BM: u32 = 64u;
override BN: u32 = 64u;
override BK: u32 = 16u;
override WG: u32 = 256u;

#import product_tiles
#import tile4
