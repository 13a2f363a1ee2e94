//! Sizes of a convolution, and how a batch is cut for its weight gradient.

use glam::UVec2;

use super::Conv;
use crate::engine::Arguments;
use crate::error::Mistake;

/// Sizes of a convolution; of the vectors, x counts along a row and y down the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Records.
    pub n: usize,
    /// Channels that go in.
    pub ci: usize,
    /// Height of the input, in pixels.
    pub h: usize,
    /// Width of the input, in pixels.
    pub w: usize,
    /// Channels that come out.
    pub co: usize,
    /// Height and width of the kernel.
    pub kernel: UVec2,
    /// Pixels between two windows, down and across.
    pub stride: UVec2,
    /// Rows and columns of zeros on each side.
    pub padding: UVec2,
    /// Pixels between two taps of the kernel, down and across.
    pub dilation: UVec2,
    /// Groups of channels that do not see each other; divides `ci` and `co`.
    pub groups: usize,
}

impl ConvShape {
    /// Stride 1, no padding, no dilation, one group.
    pub fn plain(n: usize, ci: usize, h: usize, w: usize, co: usize, kernel: UVec2) -> ConvShape {
        ConvShape { n, ci, h, w, co, kernel, stride: UVec2::ONE, padding: UVec2::ZERO, dilation: UVec2::ONE, groups: 1 }
    }

    /// All of it, as what a measured choice goes by.
    pub fn numbers(&self) -> Vec<usize> {
        let pairs = [self.kernel, self.stride, self.padding, self.dilation];
        let pairs = pairs.iter().flat_map(|v| [v.x as usize, v.y as usize]);
        [self.n, self.ci, self.h, self.w, self.co, self.groups].into_iter().chain(pairs).collect()
    }

    /// Output height and width.
    ///
    /// # Errors
    /// A sentence saying which size does not fit.
    pub fn out(&self) -> Result<[usize; 2], String> {
        if !self.ci.is_multiple_of(self.groups) || !self.co.is_multiple_of(self.groups) || self.groups == 0 {
            return Err(format!(
                "{} input and {} output channels cannot be split into {} groups",
                self.ci, self.co, self.groups
            ));
        }
        let one = |size: usize, i: usize| {
            let of = |v: UVec2| v[i] as usize;
            let (kernel, stride, padding, dilation) =
                (of(self.kernel), of(self.stride), of(self.padding), of(self.dilation));
            let span = dilation * kernel.saturating_sub(1) + 1;
            let room = size + 2 * padding;
            if kernel == 0 || stride == 0 || dilation == 0 || room < span {
                let how = format!("(dilation {dilation}, stride {stride})");
                return Err(format!("a kernel of {kernel} {how} does not fit into {size} with padding {padding}"));
            }
            Ok((room - span) / stride + 1)
        };
        Ok([one(self.h, 1)?, one(self.w, 0)?])
    }

    /// Height and width of the kernel, to count elements with.
    pub fn taps(&self) -> [usize; 2] {
        [self.kernel.y as usize, self.kernel.x as usize]
    }

    /// Elements of the weight: co * ci/groups * kh * kw.
    pub fn weights(&self) -> usize {
        self.co * self.columns()
    }

    /// Weights of one output channel.
    pub(super) fn columns(&self) -> usize {
        let [kh, kw] = self.taps();
        self.per_group()[0] * kh * kw
    }

    /// Input and output channels of a group; 0 where groups are not a number, which record functions refuse first.
    pub(super) fn per_group(&self) -> [usize; 2] {
        [self.ci, self.co].map(|channels| channels.checked_div(self.groups).unwrap_or(0))
    }

    /// Shape of the input.
    pub(super) fn x(&self) -> [usize; 4] {
        [self.n, self.ci, self.h, self.w]
    }

    /// Shape of the weight.
    pub(super) fn weight(&self) -> [usize; 4] {
        let [kh, kw] = self.taps();
        [self.co, self.per_group()[0], kh, kw]
    }

    /// Shape of the output.
    pub(super) fn y(&self) -> [usize; 4] {
        let [oh, ow] = self.plane();
        [self.n, self.co, oh, ow]
    }

    /// Adds to a record function's checks that the sizes fit together.
    pub(super) fn fits<'r>(&self, checks: Arguments<'r>) -> Arguments<'r> {
        checks.mistake(self.out().err().map(Mistake::Other))
    }

    /// Loop iterations that the weight gradient of one sample takes.
    pub(super) fn turns_per_sample(&self) -> usize {
        let [oh, ow] = self.plane();
        oh * (ow + 1) + 1
    }

    /// Loop iterations of one output element over `channels`, for the forward pass and the input gradient.
    pub(super) fn turns_per_output(&self, channels: usize) -> usize {
        let [kh, kw] = self.taps();
        kh * (1 + kw * (1 + channels))
    }

    /// Workgroups of the broadcast weight gradient for one chunk.
    pub(super) fn tiles(&self) -> usize {
        self.groups * self.per_group()[1].div_ceil(8) * self.columns().div_ceil(COLUMNS)
    }

    pub(super) fn flops(&self, [oh, ow]: [usize; 2]) -> u64 {
        2 * (self.n * oh * ow * self.weights()) as u64
    }

    pub(super) fn params(&self, [oh, ow]: [usize; 2]) -> Conv {
        let u = |v: usize| v as u32;
        Conv {
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            n: u(self.n),
            ci: u(self.ci),
            h: u(self.h),
            w: u(self.w),
            co: u(self.co),
            oh: u(oh),
            ow: u(ow),
            groups: u(self.groups),
            per_chunk: u(self.n),
            chunk_stride: 0,
        }
    }

    /// Positions of the output, T.
    pub(super) fn positions(&self) -> usize {
        let [oh, ow] = self.plane();
        oh * ow
    }

    /// Output height and width; 0 where the sizes do not fit, which record functions refuse first.
    pub(super) fn plane(&self) -> [usize; 2] {
        self.out().unwrap_or_default()
    }
}

/// llvmpipe leaves all loops of an invocation after 65 535 iterations.
pub(super) const MAX_TURNS: usize = 65_000;
/// Columns that one workgroup of the broadcast weight gradient covers.
pub(super) const COLUMNS: usize = 32;

/// How the weight gradient of a batch is cut into chunks of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunks {
    /// Terms of the sum that one chunk takes.
    pub per_chunk: usize,
    /// Number of chunks.
    pub count: usize,
}

impl Chunks {
    /// Enough chunks to fill the machine, whatever the machine: the sum's order depends on the shape alone.
    pub fn of(s: &ConvShape) -> Chunks {
        let tiles = s.tiles();
        let wanted = 256usize.div_ceil(tiles.max(1)).clamp(1, s.n.max(1));
        // No more turns in one invocation than every adapter makes.
        let most = (MAX_TURNS / s.turns_per_sample().max(1)).max(1);
        let per_chunk = s.n.div_ceil(wanted).clamp(1, most);
        Chunks { per_chunk, count: s.n.div_ceil(per_chunk) }
    }
}
