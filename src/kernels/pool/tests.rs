//! Shapes and the twins against PyTorch's numbers; the shaders are held to the twins elsewhere.

use super::*;
use crate::engine::{Engine, Target};

/// `max_pool2d` and `avg_pool2d` of sin(0.9 i) as [1, 1, 4, 5] with kernel (3, 2), stride 2, padding 1 in float64,
/// PyTorch 2.
#[test]
fn forward_is_pytorchs() {
    let s = PoolShape::new(1, 1, 4, 5, hw([3, 2]), hw([2, 2]), hw([1, 1])).expect("a valid shape");
    assert_eq!([s.oh, s.ow], [2, 3]);
    let mut engine = Engine::reference();
    let x = engine.alloc::<f32>("x", 20).expect("memory");
    let [top, mean] = ["top", "mean"].map(|name| engine.alloc::<f32>(name, 6).expect("memory"));
    let arg = engine.alloc::<u32>("arg", 6).expect("memory");
    let values: Vec<f32> = (0..20).map(|i| (f64::from(i) * 0.9).sin() as f32).collect();
    engine.write(x, &values).expect("the size fits");
    let mut rec = Recording::new(Target::default());
    max(&mut rec, &s, x, top, arg);
    avg(&mut rec, &s, x, mean);
    let program = engine.compile(rec).expect("a valid recording");
    engine.run(&program, &[]).expect("the twins run");
    assert_eq!(engine.read(arg).expect("a buffer"), [0, 2, 9, 15, 16, 9]);
    let mut near = |buf: Buf<f32>, want: [f64; 6]| {
        let got = engine.read(buf).expect("a buffer");
        assert!(got.iter().zip(want).all(|(g, w)| (f64::from(*g) - w).abs() < 1e-6), "{got:?}, PyTorch has {want:?}");
    };
    near(top, [0.0, 0.9738476309, 0.9698898108, 0.8037844266, 0.9656577765, 0.9698898108]);
    near(mean, [-0.1629216863, 0.1668706589, 0.2914028519, 0.0397287990, -0.1386707269, -0.0702149756]);
}

/// An exchange of the axes in the parameters is one that shader and twin share; these numbers are worked by hand. 4 x 5
/// numbers counted along the rows, windows of 2 x 3 with stride (2, 1) and padding (1, 0).
#[test]
fn heights_and_widths_are_not_exchanged() {
    let s = PoolShape::new(1, 1, 4, 5, hw([2, 3]), hw([2, 1]), hw([1, 0])).expect("a valid shape");
    assert_eq!([s.oh, s.ow], [3, 3]);
    let mut engine = Engine::reference();
    let x = engine.alloc::<f32>("x", 20).expect("memory");
    let [top, mean] = ["top", "mean"].map(|name| engine.alloc::<f32>(name, 9).expect("memory"));
    let arg = engine.alloc::<u32>("arg", 9).expect("memory");
    engine.write(x, &std::array::from_fn::<f32, 20, _>(|i| i as f32)).expect("the size fits");
    let mut rec = Recording::new(Target::default());
    max(&mut rec, &s, x, top, arg);
    avg(&mut rec, &s, x, mean);
    let program = engine.compile(rec).expect("a valid recording");
    engine.run(&program, &[]).expect("the twins run");
    assert_eq!(engine.read(arg).expect("a buffer"), [2, 3, 4, 12, 13, 14, 17, 18, 19]);
    assert_eq!(engine.read(top).expect("a buffer"), [2.0, 3.0, 4.0, 12.0, 13.0, 14.0, 17.0, 18.0, 19.0]);
    let got = engine.read(mean).expect("a buffer");
    let want = [0.5, 1.0, 1.5, 8.5, 9.5, 10.5, 8.0, 8.5, 9.0];
    assert!(got.iter().zip(want).all(|(g, w): (&f32, f32)| (g - w).abs() < 1e-5), "{got:?} for {want:?}");
}

#[test]
fn impossible_shapes_are_refused() {
    let refused = |h, w, kernel, stride, padding, word: &str| {
        let what = PoolShape::new(1, 1, h, w, hw(kernel), hw(stride), hw(padding)).expect_err("an impossible shape");
        assert!(what.contains(word), "{what}");
    };
    refused(4, 4, [0, 2], [1, 1], [0, 0], "at least 1");
    refused(4, 4, [2, 2], [1, 0], [0, 0], "at least 1");
    refused(4, 4, [3, 3], [1, 1], [2, 0], "half the kernel");
    refused(4, 2, [3, 3], [1, 1], [0, 0], "does not fit");
    refused(0, 4, [2, 2], [1, 1], [1, 1], "does not fit");
    refused(300, 300, [300, 300], [1, 1], [0, 0], "one thread");
    let many = PoolShape::new(1 << 20, 64, 28, 28, hw([2, 2]), hw([2, 2]), hw([0, 0]));
    assert!(many.expect_err("too many elements").contains("2^31"));
}

#[test]
fn a_strip_never_outlasts_the_loops_a_thread_may_have() {
    let software = Recording::new(Target::software(8));
    for k in [1, 2, 7, 40, 200, 250] {
        let s = PoolShape::new(1, 1, 1000, 1000, hw([k, k]), hw([1, 1]), hw([0, 0])).expect("a valid shape");
        let (strip, threads) = strips(&software, &s, s.ow, s.oh);
        assert!(strip as usize * turns(hw([k, k])) <= LONGEST_LOOP && threads * strip as usize >= s.oh * s.ow);
    }
    let gpu = Recording::new(Target::default());
    let s = PoolShape::new(1, 1, 8, 8, hw([2, 2]), hw([2, 2]), hw([0, 0])).expect("a valid shape");
    assert_eq!(strips(&gpu, &s, s.ow, s.oh), (1, 16));
}
