//! Pillow's `BILINEAR`, to the bit: a triangle as wide as the pixels are far apart, so that a smaller picture is
//! antialiased; columns first, rounded to 8 bits, then rows. torchvision's `Resize` of a picture is this.

/// Fraction bits of a weight.
const BITS: u32 = 32 - 8 - 2;

/// First pixel that a new one is made of, and the weights of that pixel and those that follow.
type Window = (usize, Vec<i32>);

/// `pixels` `[height, width, channels]` as `[height, width, channels]` of the size `to`.
pub(super) fn bilinear(pixels: Vec<u8>, from: [usize; 2], to: [usize; 2], channels: usize) -> Vec<u8> {
    let ([height, width], [new_height, new_width]) = (from, to);
    let wide = match width == new_width {
        true => pixels,
        false => along(&pixels, [height, width, channels], &windows(width, new_width)),
    };
    // Rows are what lies one after the other when a row is taken for one long pixel.
    match height == new_height {
        true => wide,
        false => along(&wide, [1, height, new_width * channels], &windows(height, new_height)),
    }
}

/// The windows of `new` pixels over `old` ones.
fn windows(old: usize, new: usize) -> Vec<Window> {
    let scale = old as f64 / new as f64;
    let support = scale.max(1.0);
    let one = |at: usize| {
        let centre = (at as f64 + 0.5) * scale;
        let first = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(old);
        let triangle = |pixel: usize| (1.0 - ((pixel as f64 - centre + 0.5) / support).abs()).max(0.0);
        let weights: Vec<f64> = (first..end).map(triangle).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |weight: &f64| (0.5 + weight / sum * f64::from(1 << BITS)) as i32;
        (first, weights.iter().map(fixed).collect())
    };
    (0..new).map(one).collect()
}

/// Through windows along the second of three dimensions.
fn along(pixels: &[u8], [rows, old, run]: [usize; 3], windows: &[Window]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rows * windows.len() * run);
    for row in pixels.chunks_exact((old * run).max(1)) {
        for (first, weights) in windows {
            for lane in 0..run {
                let mut sum = 1i32 << (BITS - 1);
                for (pixel, weight) in (*first..).zip(weights) {
                    sum += i32::from(row[pixel * run + lane]) * weight;
                }
                out.push((sum >> BITS).clamp(0, 255) as u8);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Image.fromarray((arange(35) * 37 % 256).reshape(5, 7)).resize((w, h), Image.BILINEAR)`
    #[test]
    fn numbers_are_pillows() {
        let pixels: Vec<u8> = (0..35u32).map(|i| (i * 37 % 256) as u8).collect();
        let smaller = bilinear(pixels.clone(), [5, 7], [2, 3], 1);
        assert_eq!(smaller, SMALLER);
        assert_eq!(bilinear(pixels.clone(), [5, 7], [6, 4], 1), MIXED);
        assert_eq!(bilinear(pixels.clone(), [5, 7], [5, 7], 1), pixels);
    }

    const SMALLER: [u8; 6] = [35, 114, 193, 41, 120, 199];
    #[rustfmt::skip]
    const MIXED: [u8; 24] = [
        19, 77, 145, 203, 21, 79, 147, 205, 24, 82, 150, 208,
        26, 84, 152, 210, 29, 87, 155, 213, 31, 89, 157, 215,
    ];
}
