// expect: DXC. A function that HLSL does not have.
RWByteAddressBuffer y : register(u0);

[numthreads(64, 1, 1)]
void main(uint lid : SV_GroupIndex) {
    y.Store(lid * 4, asuint(fused_sum(1.0, 2.0)));
}
