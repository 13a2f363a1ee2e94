// Elementary functions that WGSL lacks or leaves imprecise, on vec4; each holds to a few ulp for every finite argument.

// tanh without overflow (WGSL's may overflow inside for large |x|) and with full relative precision near 0
// (Cody & Waite, "Software Manual for the Elementary Functions", 1980, ch. 13, single precision).
fn tanh4(x: vec4<f32>) -> vec4<f32> {
    let a = abs(x);
    let g = min(a * a, vec4<f32>(1.0));
    let small = x + x * (g * (-0.8237728127 - 0.003831010665 * g) / (2.471319654 + g));
    let e = exp(-2.0 * a);
    let large = sign(x) * ((1.0 - e) / (1.0 + e));
    return select(large, small, a < vec4<f32>(0.55));
}

// exp(x) - 1 for x <= 0 with full relative precision near 0, by exp(x) - 1 = 2 t / (1 - t), t = tanh(x / 2); what it
// gives for x > 0 means nothing.
fn expm1_neg4(x: vec4<f32>) -> vec4<f32> {
    let t = tanh4(0.5 * min(x, vec4<f32>(0.0)));
    return 2.0 * t / (1.0 - t);
}

// 1 / (1 + exp(-x)); the exponential never overflows.
fn sigmoid4(x: vec4<f32>) -> vec4<f32> {
    let e = exp(-abs(x));
    return select(vec4<f32>(1.0), e, x < vec4<f32>(0.0)) / (1.0 + e);
}

// (1 + tanh(z)) / 2 for z = sqrt(2 / pi) (x + 0.044715 x^3), which is the logistic function of 2 z: no digit is lost
// where it is small. Large x are held, so that the cube stays finite.
fn gelu_gate4(x: vec4<f32>) -> vec4<f32> {
    let v = clamp(x, vec4<f32>(-1e4), vec4<f32>(1e4));
    return sigmoid4(1.595769122 * v * (1.0 + 0.044715 * v * v));
}

// The derivative of z.
fn gelu_rise4(x: vec4<f32>) -> vec4<f32> {
    return 0.7978845608 * (1.0 + 0.134145 * x * x);
}

// Standard normal density.
fn normal_density4(x: vec4<f32>) -> vec4<f32> {
    return 0.3989422804 * exp(-0.5 * x * x);
}

// Standard normal distribution function, Phi(x) = erfc(-x / sqrt 2) / 2. The scaled tail Phi(-a) exp(a^2 / 2) is t
// times a polynomial of degree 8 in t = 1 / (1 + a / 4) on 0 <= a <= 14 (minimax, relative error 6e-8 before rounding);
// beyond 14 the tail is 0 in f32.
fn normal_cdf4(x: vec4<f32>) -> vec4<f32> {
    let a = abs(x);
    let t = 1.0 / (1.0 + 0.25 * min(a, vec4<f32>(14.0)));
    var s = vec4<f32>(0.02572353);
    s = s * t - 0.15280955;
    s = s * t + 0.29612234;
    s = s * t - 0.20578389;
    s = s * t + 0.20175885;
    s = s * t + 0.032927606;
    s = s * t + 0.10374678;
    s = s * t + 0.09851683;
    s = s * t + 0.09979748;
    let tail = s * t * exp(-0.5 * a * a);
    return select(1.0 - tail, tail, x < vec4<f32>(0.0));
}

// log(1 + u) for u >= 0, with full relative precision near 0: the series' next term is below 1e-8 of the sum there.
fn log1p(u: f32) -> f32 {
    return select(log(1.0 + u), u * (1.0 - u * (0.5 - u * (0.333333333 - 0.25 * u))), u < 0.01);
}

// log(1 + exp(x)), whose exponential never overflows.
fn softplus4(x: vec4<f32>) -> vec4<f32> {
    let e = exp(-abs(x));
    return max(x, vec4<f32>(0.0)) + vec4<f32>(log1p(e.x), log1p(e.y), log1p(e.z), log1p(e.w));
}

// min(max(x, 0), 6).
fn hard4(x: vec4<f32>) -> vec4<f32> {
    return clamp(x, vec4<f32>(0.0), vec4<f32>(6.0));
}
