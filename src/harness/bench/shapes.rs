//! Shapes as they are asked for: between `x` a number or a range each; every combination of them.

/// Most shapes that one list may stand for.
const MOST: usize = 10_000;

/// The numbers that one word between two `x` stands for: `64`, `1024-4096*2` (each twice the one before), `16-64+16`.
fn numbers(text: &str) -> Result<Vec<usize>, String> {
    let number = |t: &str| {
        t.trim().parse::<usize>().ok().filter(|n| *n > 0).ok_or_else(|| format!("`{t}` is no number above 0"))
    };
    let Some((first, rest)) = text.split_once('-') else {
        return match text.trim() {
            // A padding may be 0; whether something else may, its operation says.
            "0" => Ok(vec![0]),
            _ => Ok(vec![number(text)?]),
        };
    };
    let first = number(first)?;
    let (last, next): (usize, Box<dyn Fn(usize) -> usize>) = match (rest.split_once('*'), rest.split_once('+')) {
        (Some((last, by)), None) => {
            let by = number(by)?;
            if by < 2 {
                return Err(format!("`{text}`: a factor is 2 or more"));
            }
            (number(last)?, Box::new(move |n| n.saturating_mul(by)))
        }
        (None, Some((last, by))) => {
            let by = number(by)?;
            (number(last)?, Box::new(move |n| n.saturating_add(by)))
        }
        _ => return Err(format!("`{text}`: a range is FIRST-LAST*FACTOR or FIRST-LAST+STEP")),
    };
    if last < first {
        return Err(format!("`{text}` ends before it begins"));
    }
    let all: Vec<usize> = std::iter::successors(Some(first), |n| Some(next(*n)).filter(|m| m > n))
        .take_while(|n| *n <= last)
        .take(MOST + 1)
        .collect();
    Ok(all)
}

/// The shapes that one word stands for: every combination of what its numbers stand for, the last number fastest.
///
/// # Errors
/// A sentence that names the part that is neither a number nor a range.
pub fn expand(text: &str) -> Result<Vec<Vec<usize>>, String> {
    let mut all = vec![Vec::new()];
    for part in text.split('x') {
        let choices = numbers(part).map_err(|why| format!("--shape {text}: {why}"))?;
        if all.len().saturating_mul(choices.len()) > MOST {
            return Err(format!("--shape {text} stands for more than {MOST} shapes"));
        }
        all = all.iter().flat_map(|head| choices.iter().map(|n| [head.as_slice(), &[*n]].concat())).collect();
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_ranges_and_their_products() {
        assert_eq!(expand("64x120x400"), Ok(vec![vec![64, 120, 400]]));
        assert_eq!(expand("1024-4096*2"), Ok(vec![vec![1024], vec![2048], vec![4096]]));
        assert_eq!(expand("16-40+16x1-2*2"), Ok(vec![vec![16, 1], vec![16, 2], vec![32, 1], vec![32, 2]]));
        assert_eq!(expand("5-5*2"), Ok(vec![vec![5]]));
    }

    #[test]
    fn what_is_no_shape_is_named() {
        for (text, says) in [
            ("64x", "`` is no number"),
            ("axb", "`a` is no number"),
            ("0-4*2", "`0` is no number above 0"),
            ("8-4*2", "ends before"),
            ("1-8", "FIRST-LAST*FACTOR"),
            ("1-8*1", "a factor is 2"),
            ("1-100000+1", "more than 10000"),
            ("1-18446744073709551615*2x7-90000+1", "more than 10000"),
        ] {
            let said = expand(text).expect_err(text);
            assert!(said.contains(says) && said.contains(text), "{said}");
        }
    }
}
