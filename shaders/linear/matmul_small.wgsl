// The same product as matmul.wgsl through workgroup memory (shared/tile.wgsl), for GPUs: 32 x 32 of y and 16 terms at a
// time, 4 x 4 an invocation: for results so small that larger tiles would leave processors idle.
override BM: u32 = 32u;
override BN: u32 = 32u;
override BK: u32 = 16u;
override WG: u32 = 64u;

#import product_tiles
#import tile4
