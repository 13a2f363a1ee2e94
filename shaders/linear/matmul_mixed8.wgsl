enable f16;
enable wgpu_cooperative_matrix;
// The same product as matmul.wgsl on matrix units of 8 x 8 (shared/tile_coop.wgsl), operands rounded to f16:
// for adapters that have such units, where the user asks for it.
alias MatA = coop_mat8x8<f16, A>;
alias MatB = coop_mat8x8<f16, B>;
alias MatC = coop_mat8x8<f32, C>;
const T: u32 = 8u;
const PARTS: u32 = 1u;

override WG: u32 = 32u;

#import product_tiles
#import tile_coop
