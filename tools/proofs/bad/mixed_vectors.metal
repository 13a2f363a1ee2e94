// expect: MSL. A vector of integers added to one of floats.
#include <metal_stdlib>
#include <simd/simd.h>

kernel void main_(metal::uint3 id [[thread_position_in_grid]], device metal::float4* y [[buffer(0)]]) {
    metal::uint4 a = metal::uint4(id.x);
    y[id.x] = y[id.x] + a;
}
