// expect: MSL. A store to the constant address space.
#include <metal_stdlib>
#include <simd/simd.h>

struct P {
    uint n;
};

kernel void main_(uint id [[thread_position_in_grid]], constant P& p [[buffer(0)]]) {
    p.n = id;
}
