//! Grids of workgroups: how many tiles cover a result, and how their linear numbers fold into two dimensions.

use glam::UVec3;

/// How many tiles of a size cover a space, the last one of each axis perhaps partly. glam itself rounds down.
pub fn div_ceil(space: UVec3, tile: UVec3) -> UVec3 {
    space / tile + (space % tile).min(UVec3::ONE)
}

/// Workgroups of a grid.
pub(super) fn volume(grid: UVec3) -> u64 {
    grid.to_array().into_iter().map(u64::from).product()
}

/// A grid of at least `groups` workgroups with neither side over `limit`; the last row may be only partly needed.
pub(super) fn fold(groups: u64, limit: u64) -> Option<UVec3> {
    let rows = groups.div_ceil(limit).max(1);
    let columns = groups.div_ceil(rows);
    (rows <= limit).then_some(UVec3::new(columns as u32, rows as u32, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_grid_holds_every_group_and_no_side_is_too_long() {
        for groups in [0, 1, 2, 65_534, 65_535, 65_536, 65_537, 131_071, 1_000_003, 65_535 * 65_535] {
            let grid = fold(groups, 65_535).expect("fits");
            assert!(grid.cmple(UVec3::new(65_535, 65_535, 1)).all(), "{groups}: {grid}");
            let (held, row) = (volume(grid), u64::from(grid.y));
            assert!(held >= groups && held < groups + row, "{groups}: {grid} wastes more than a row");
        }
        assert_eq!(fold(65_535 * 65_535 + 1, 65_535), None);
    }

    #[test]
    fn tiles_cover_a_space_and_waste_less_than_one_of_each_axis() {
        let tile = UVec3::new(8, 1, 128);
        assert_eq!(div_ceil(UVec3::new(16, 3, 129), tile), UVec3::new(2, 3, 2));
        assert_eq!(div_ceil(UVec3::new(0, 1, 128), tile), UVec3::new(0, 1, 1));
        assert_eq!(div_ceil(UVec3::MAX, UVec3::new(2, 1, u32::MAX)), UVec3::new(1 << 31, u32::MAX, 1));
        // More workgroups than 32 bits count.
        assert_eq!(volume(UVec3::splat(1 << 16)), 1 << 48);
    }
}
