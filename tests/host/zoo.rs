//! Architectures of the zoo by names, shapes and numbers of parameters: those of torchvision where it has them
//! (`tools/parity/zoo_names.py`), and published counts where not.

use unlearn::nn::{Model, ModelConfig, Norm, ZOO};

fn build(zoo: &str, norm: Option<Norm>, input: &[usize], classes: usize) -> Model {
    let config = ModelConfig { zoo: Some(zoo.into()), norm, ..Default::default() };
    Model::build(&config, input, classes).unwrap_or_else(|e| panic!("{zoo}: {e}"))
}

/// Name and shape of each tensor of a state dict, but for counts of batches.
fn tensors(model: &Model) -> Vec<String> {
    let line = |name: &str, shape: &[usize]| {
        let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
        format!("{name} {}", shape.join("x"))
    };
    let counted = |name: &str| name.ends_with("num_batches_tracked");
    model.layout.tensors().filter(|(e, _)| !counted(&e.name)).map(|(e, _)| line(&e.name, &e.shape)).collect()
}

#[test]
fn networks_have_the_tensors_of_torchvision() {
    for (zoo, classes, side, text) in [
        ("resnet20", 10, 32, include_str!("../shared/zoo/resnet20.txt")),
        ("resnet56", 10, 32, include_str!("../shared/zoo/resnet56.txt")),
        ("resnet18", 10, 32, include_str!("../shared/zoo/resnet18.txt")),
        ("resnet18_imagenet", 1000, 224, include_str!("../shared/zoo/resnet18_imagenet.txt")),
        ("vgg16_bn", 1000, 224, include_str!("../shared/zoo/vgg16_bn.txt")),
        ("mobilenet_v2", 1000, 224, include_str!("../shared/zoo/mobilenet_v2.txt")),
    ] {
        let model = build(zoo, None, &[3, side, side], classes);
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some(format!("{} parameters", model.layout.count()).as_str()), "{zoo}");
        let (mut ours, mut theirs) = (tensors(&model), lines.map(str::to_owned).collect::<Vec<_>>());
        ours.sort();
        theirs.sort();
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{zoo}");
        }
        assert_eq!(ours.len(), theirs.len(), "{zoo}");
        // The parameters alone stand in torchvision's order too.
        let order: Vec<&str> = text.lines().skip(1).filter(|line| !line.contains("running")).collect();
        let params: Vec<String> = tensors(&model).into_iter().take(order.len()).collect();
        assert_eq!(params, order, "{zoo}");
    }
}

#[test]
fn other_networks_have_their_published_number_of_parameters() {
    // resnet32: 19 layers of 3x3, projections; resnet9: Page's net without its factor; All-CNN-C's 1.37 M with norms.
    for (zoo, count) in [("resnet32", 466_906), ("resnet9", 6_573_120), ("all_cnn", 1_370_986)] {
        assert_eq!(build(zoo, None, &[3, 32, 32], 10).layout.count(), count, "{zoo}");
    }
}

#[test]
fn every_network_takes_either_norm_under_the_same_names() {
    for row in ZOO.iter().filter(|row| row.has_norm()) {
        let [batch, group] = [Norm::Batch, Norm::Group].map(|norm| build(row.name, Some(norm), &[3, 32, 32], 10));
        assert_eq!(batch.layout.entries(), group.layout.entries(), "{}", row.name);
        assert!(batch.keeps_statistics() && !group.keeps_statistics(), "{}", row.name);
        let kinds = |model: &Model, kind: &str| model.every_layer().iter().filter(|l| l.row().kind == kind).count();
        assert_eq!(kinds(&batch, "batch_norm"), kinds(&group, "group_norm"), "{}", row.name);
        let again = Model::build(&batch.config(), &[3, 32, 32], 10).expect("the resolved configuration");
        assert_eq!(again.layout, batch.layout, "{}", row.name);
    }
}

#[test]
fn widths_and_norms_that_a_network_does_not_have_are_refused() {
    let error = |text: &str| {
        let config: ModelConfig = toml::from_str(text).expect("TOML");
        Model::build(&config, &[3, 32, 32], 10).err().unwrap_or_else(|| panic!("{text} was built")).to_string()
    };
    let said = error("zoo = 'resnet18'\nhidden = [8, 16, 32]");
    assert!(said.contains("`resnet18` needs 4 widths") && said.contains("[8, 16, 32]"), "{said}");
    let said = error("zoo = 'resnet20'\nhidden = [8, 0, 32]");
    assert!(said.contains("1 or more"), "{said}");
    let said = error("zoo = 'mlp'\nnorm = 'batch'");
    assert!(said.contains("`mlp` has no norm to choose") && said.contains("resnet20"), "{said}");
    let said = error("norm = 'group'\nlayers = [{type='flatten'},{type='linear'}]");
    assert!(said.contains("`norm` beside `layers`"), "{said}");
    let narrow: ModelConfig = toml::from_str("zoo = 'resnet20'\nhidden = [2, 3, 4]\nnorm = 'group'").expect("TOML");
    assert_eq!(
        Model::build(&narrow, &[3, 32, 32], 10).expect("narrow").layout.get("fc.weight").unwrap().shape,
        [10, 4]
    );
}
