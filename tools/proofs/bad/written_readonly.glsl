// expect: GLSL. A store to a buffer that was declared for reading.
#version 450 core
layout(local_size_x = 64) in;

layout(std430, binding = 0) readonly buffer X { float x[]; };

void main() {
    x[gl_GlobalInvocationID.x] = 1.0;
}
