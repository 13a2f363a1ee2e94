//! Which axis is which, by numbers worked by hand: a swap of the two in the parameters is one that shader and twin
//! share.

use super::*;
use crate::engine::{Engine, Target};
use crate::kernels::hw;

/// 4 x 5 numbers counted along the rows, a kernel of 2 x 3 with stride (2, 1), padding (1, 0) and dilation (1, 2).
fn oblong() -> ConvShape {
    ConvShape {
        stride: hw([2, 1]),
        padding: hw([1, 0]),
        dilation: hw([1, 2]),
        ..ConvShape::plain(1, 1, 4, 5, 1, hw([2, 3]))
    }
}

/// What `record` makes of x and w on the twins.
fn run(w: [f32; 6], outputs: usize, record: impl FnOnce(&mut Recording, [Buf<f32>; 3])) -> Vec<f32> {
    let mut engine = Engine::reference();
    let [x, taps, y] = [20, 6, outputs].map(|len| engine.alloc::<f32>("buffer", len).expect("memory"));
    engine.write(x, &std::array::from_fn::<f32, 20, _>(|i| i as f32)).expect("the size fits");
    engine.write(taps, &w).expect("the size fits");
    let mut rec = Recording::new(Target::default());
    record(&mut rec, [x, taps, y]);
    let program = engine.compile(rec).expect("a valid recording");
    engine.run(&program, &[]).expect("the twins run");
    engine.read(y).expect("a buffer")
}

#[test]
fn heights_and_widths_are_not_exchanged() {
    let s = oblong();
    assert_eq!(s.out(), Ok([3, 1]));
    // The last tap sees row 2 oh and column 4, the first row 2 oh - 1 and column 0; rows -1 and 4 are padding.
    let w = [100.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    let y = run(w, 3, |rec, [x, w, y]| conv2d(rec, &s, x, w, None, y));
    assert_eq!(y, [4.0, 500.0 + 14.0, 1500.0]);
    let patches = run(w, 18, |rec, [x, _, y]| unfold(rec, &s, 0..1, x, y));
    assert_eq!(patches[..6], [0.0, 0.0, 0.0, 0.0, 2.0, 4.0]);
    assert_eq!(patches[6..12], [5.0, 7.0, 9.0, 10.0, 12.0, 14.0]);
    assert_eq!(patches[12..], [15.0, 17.0, 19.0, 0.0, 0.0, 0.0]);
}
