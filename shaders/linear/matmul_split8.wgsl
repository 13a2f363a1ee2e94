enable f16;
enable wgpu_cooperative_matrix;
// The same product as matmul.wgsl on matrix units of 8 x 8 (shared/tile_coop.wgsl), every f32 product by three of f16:
// for adapters that have such units, where the user asks for it.
alias MatA = coop_mat8x8<f16, A>;
alias MatB = coop_mat8x8<f16, B>;
alias MatC = coop_mat8x8<f32, C>;
const T: u32 = 8u;
const PARTS: u32 = 2u;

override WG: u32 = 32u;

#import product_tiles
#import tile_coop
