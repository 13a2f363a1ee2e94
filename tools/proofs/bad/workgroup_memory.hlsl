// expect: DXC. Well formed, but more workgroup memory than shader model 6 has: the validator's part.
groupshared float tile[20000];
RWByteAddressBuffer y : register(u0);

[numthreads(64, 1, 1)]
void main(uint lid : SV_GroupIndex) {
    tile[lid] = 1.0;
    GroupMemoryBarrierWithGroupSync();
    y.Store(lid * 4, asuint(tile[63 - lid]));
}
