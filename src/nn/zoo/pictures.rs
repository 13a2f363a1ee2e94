//! Architectures for pictures as they are published, under the names that torchvision gives their parameters where it
//! has them. Each normalises by batches or by groups; the names are the same either way.

use toml::{Table, Value};

use super::{Norm, groups};

/// Layers, each a table.
type Layers = Vec<Table>;

fn layer(kind: &str, keys: &[(&str, Value)]) -> Table {
    let keys = keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
    std::iter::once(("type".to_owned(), kind.into())).chain(keys).collect()
}

/// A number as a table holds it; widths are far below what it takes.
fn number(value: usize) -> Value {
    Value::Integer(value as i64)
}

/// A convolution without bias, padded so that stride 1 keeps the size.
fn conv(name: &str, out: usize, kernel: usize, stride: usize) -> Table {
    let keys = [
        ("name", name.into()),
        ("out", number(out)),
        ("kernel", number(kernel)),
        ("stride", number(stride)),
        ("padding", number(kernel / 2)),
        ("bias", false.into()),
    ];
    layer("conv2d", &keys)
}

fn linear(name: &str, out: Option<usize>) -> Table {
    let mut table = layer("linear", &[("name", name.into())]);
    table.extend(out.map(|out| ("out".to_owned(), number(out))));
    table
}

fn norm(by: Norm, name: &str, width: usize) -> Table {
    match by {
        Norm::Batch => layer("batch_norm", &[("name", name.into())]),
        Norm::Group => layer("group_norm", &[("name", name.into()), ("groups", number(groups(width)))]),
    }
}

fn plain(kind: &str) -> Table {
    layer(kind, &[])
}

fn max_pool(kernel: usize) -> Table {
    layer("max_pool", &[("kernel", number(kernel))])
}

fn dropout(p: f64) -> Table {
    layer("dropout", &[("p", p.into())])
}

fn residual(layers: Layers, shortcut: Layers) -> Table {
    let list = |layers: Layers| Value::Array(layers.into_iter().map(Value::Table).collect());
    let mut table = layer("residual", &[("layers", list(layers))]);
    if !shortcut.is_empty() {
        table.insert("shortcut".to_owned(), list(shortcut));
    }
    table
}

/// The mean of each channel, then the classes.
fn head(name: &str) -> Layers {
    vec![plain("global_avg_pool"), plain("flatten"), linear(name, None)]
}

/// What stands beside a block that changes the shape.
#[derive(Clone, Copy)]
pub(super) enum Shortcut {
    /// A 1x1 convolution and a norm: option B of He et al. 2016, which torchvision has as well.
    Projected,
    /// Every second place, and zero channels on either side: option A, without parameters.
    Padded,
}

/// Option A from `from` channels to `width`.
fn padded(from: usize, width: usize, stride: usize) -> Layers {
    let more = width.saturating_sub(from);
    vec![
        layer("avg_pool", &[("kernel", number(1)), ("stride", number(stride))]),
        layer("pad_channels", &[("before", number(more / 2)), ("behind", number(more - more / 2))]),
    ]
}

/// Basic blocks of two 3x3 convolutions, the first of each stage but the first at stride 2 (He et al. 2016); where the
/// shape changes the shortcut is what the option says.
fn basic_blocks(widths: &[usize], blocks: usize, by: Norm, option: Shortcut) -> Layers {
    let (mut all, mut from) = (Layers::new(), widths.first().copied());
    for (stage, &width) in widths.iter().enumerate() {
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let part = |of: &str| format!("layer{}.{block}.{of}", stage + 1);
            let body = vec![
                conv(&part("conv1"), width, 3, stride),
                norm(by, &part("bn1"), width),
                plain("relu"),
                conv(&part("conv2"), width, 3, 1),
                norm(by, &part("bn2"), width),
            ];
            let beside = || match option {
                Shortcut::Projected => {
                    vec![conv(&part("downsample.0"), width, 1, stride), norm(by, &part("downsample.1"), width)]
                }
                Shortcut::Padded => padded(from.unwrap_or(width), width, stride),
            };
            let same = stride == 1 && from == Some(width);
            all.push(residual(body, if same { Layers::new() } else { beside() }));
            all.push(plain("relu"));
            from = Some(width);
        }
    }
    all
}

/// A 3x3 convolution, then so many basic blocks a stage, then the mean.
pub(super) fn small_resnet(widths: &[usize], blocks: usize, by: Norm, option: Shortcut) -> Layers {
    let width = widths[0];
    let mut all = vec![conv("conv1", width, 3, 1), norm(by, "bn1", width), plain("relu")];
    all.extend(basic_blocks(widths, blocks, by, option));
    all.extend(head("fc"));
    all
}

/// The same behind ImageNet's stem: 7x7 at stride 2, then max pooling.
pub(super) fn large_resnet(widths: &[usize], blocks: usize, by: Norm) -> Layers {
    let width = widths[0];
    let pool = layer("max_pool", &[("kernel", number(3)), ("stride", number(2)), ("padding", number(1))]);
    let mut all = vec![conv("conv1", width, 7, 2), norm(by, "bn1", width), plain("relu"), pool];
    all.extend(basic_blocks(widths, blocks, by, Shortcut::Projected));
    all.extend(head("fc"));
    all
}

/// The ResNet-9 of David Page's CIFAR-10 runs (2018); the last layer's factor 0.125 is left to its weights.
pub(super) fn resnet9(widths: &[usize], by: Norm) -> Layers {
    let block = |stem: &str, width: usize| {
        [conv(&format!("{stem}_conv"), width, 3, 1), norm(by, &format!("{stem}_bn"), width), plain("relu")]
    };
    let mut all = block("prep", widths[0]).to_vec();
    for (i, width) in widths[1..].iter().enumerate() {
        let stem = format!("layer{}", i + 1);
        all.extend(block(&stem, *width));
        all.push(max_pool(2));
        if i % 2 == 0 {
            let of = |part: &str| block(&format!("{stem}_residual_{part}"), *width);
            all.push(residual([of("res1"), of("res2")].concat(), Layers::new()));
        }
    }
    all.extend([max_pool(4), plain("flatten")]);
    all.push(layer("linear", &[("name", "linear".into()), ("bias", false.into())]));
    all
}

/// All-CNN-C with a norm behind each convolution. The mean comes before the last 1x1 convolution, which then is a
/// linear layer: the two commute.
pub(super) fn all_cnn(widths: &[usize], by: Norm) -> Layers {
    let (narrow, wide) = (widths[0], widths[1]);
    let plan = [(narrow, 3, 1), (narrow, 3, 1), (narrow, 3, 2), (wide, 3, 1), (wide, 3, 1), (wide, 3, 2), (wide, 3, 1)];
    let mut all = vec![dropout(0.2)];
    for (i, (width, kernel, stride)) in plan.into_iter().chain([(wide, 1, 1)]).enumerate() {
        let mut conv = conv(&format!("conv{}", i + 1), width, kernel, stride);
        if i == 6 {
            conv.insert("padding".to_owned(), number(0));
        }
        all.extend([conv, norm(by, &format!("bn{}", i + 1), width), plain("relu")]);
        if stride == 2 {
            all.push(dropout(0.5));
        }
    }
    all.extend(head("fc"));
    all
}

/// Five stages of convolutions and two wide dense layers.
pub(super) fn vgg16_bn(widths: &[usize], by: Norm) -> Layers {
    let (mut all, mut at) = (Layers::new(), 0);
    for (width, count) in widths.iter().zip([2, 2, 3, 3, 3]) {
        for _ in 0..count {
            let mut conv = conv(&format!("features.{at}"), *width, 3, 1);
            conv.insert("bias".to_owned(), true.into());
            all.extend([conv, norm(by, &format!("features.{}", at + 1), *width), plain("relu")]);
            at += 3;
        }
        all.push(max_pool(2));
        at += 1;
    }
    all.extend([layer("adaptive_avg_pool", &[("size", number(7))]), plain("flatten")]);
    for (i, width) in widths[5..].iter().enumerate() {
        all.extend([linear(&format!("classifier.{}", 3 * i), Some(*width)), plain("relu"), dropout(0.5)]);
    }
    all.push(linear("classifier.6", None));
    all
}

/// Factor of the channels inside, blocks and first stride of each stage (Sandler et al. 2018, table 2).
const INVERTED: [(usize, usize, usize); 7] =
    [(1, 1, 1), (6, 2, 2), (6, 3, 2), (6, 4, 2), (6, 3, 1), (6, 3, 2), (6, 1, 1)];

/// Inverted residuals over depthwise convolutions.
pub(super) fn mobilenet_v2(widths: &[usize], by: Norm) -> Layers {
    let block = |stem: &str, conv: Table, width: usize| [conv, norm(by, &format!("{stem}.1"), width), plain("relu6")];
    let stem = "features.0";
    let mut all = block(stem, conv("features.0.0", widths[0], 3, 2), widths[0]).to_vec();
    let (mut from, mut at) = (widths[0], 1);
    for ((factor, count, first), &width) in INVERTED.into_iter().zip(&widths[1..]) {
        for i in 0..count {
            let (stride, inside) = (if i == 0 { first } else { 1 }, factor * from);
            let part = |of: &str| format!("features.{at}.conv.{of}");
            let (mut body, mut next) = (Layers::new(), 0);
            if factor != 1 {
                body.extend(block(&part("0"), conv(&part("0.0"), inside, 1, 1), inside));
                next = 1;
            }
            let mut depthwise = conv(&part(&format!("{next}.0")), inside, 3, stride);
            depthwise.insert("groups".to_owned(), number(inside));
            body.extend(block(&part(&next.to_string()), depthwise, inside));
            body.push(conv(&part(&(next + 1).to_string()), width, 1, 1));
            body.push(norm(by, &part(&(next + 2).to_string()), width));
            if stride == 1 && from == width {
                all.push(residual(body, Layers::new()))
            } else {
                all.extend(body)
            }
            (from, at) = (width, at + 1);
        }
    }
    let last = widths[8];
    all.extend(block(&format!("features.{at}"), conv(&format!("features.{at}.0"), last, 1, 1), last));
    all.extend([plain("global_avg_pool"), plain("flatten"), dropout(0.2), linear("classifier.1", None)]);
    all
}
