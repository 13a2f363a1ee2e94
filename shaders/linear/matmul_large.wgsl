// The same product as matmul.wgsl through workgroup memory (shared/tile.wgsl), for GPUs: 128 x 128 of y and 16 terms
// at a time, 8 x 8 an invocation. A staged number is used 128 times: 2 * 128 * 128 operations for 4 * 256 bytes, 32
// for each byte, so that from memory alone a card of 67 TFLOP/s needs 2.1 TB/s; the caches hold what neighbouring
// tiles share.
override BM: u32 = 128u;
override BN: u32 = 128u;
override BK: u32 = 16u;
override WG: u32 = 256u;

#import product_tiles
#import tile8
