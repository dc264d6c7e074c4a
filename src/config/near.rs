//! The nearest of some names, for one that was mistyped.

/// The known name that differs least from `name`, if one is near: by characters that are missing, too many,
/// wrong or exchanged with the next.
pub(super) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let name = name.to_lowercase();
    let distances = known.into_iter().map(|other| (distance(&name, &other.to_lowercase()), other));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    let length = name.chars().count().min(nearest.chars().count());
    (distance <= length.div_ceil(4).min(3)).then_some(nearest)
}

/// The optimal string alignment distance.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    let mut previous = None;
    for (n, character) in one.chars().enumerate() {
        let mut next = vec![n + 1];
        for (m, candidate) in other.iter().enumerate() {
            let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX - 1);
            let exchanged = previous == Some(*candidate)
                && m.checked_sub(1).and_then(|m| other.get(m)) == Some(&character);
            let swapped = if exchanged { at(&before, m - 1) + 1 } else { usize::MAX };
            let replaced = at(&row, m) + usize::from(*candidate != character);
            next.push(replaced.min(at(&row, m + 1) + 1).min(at(&next, m) + 1).min(swapped));
        }
        (before, row, previous) = (row, next, Some(character));
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_near_by_few_characters() {
        let known = ["issuers", "audiences", "resource", "id_token", "http"];
        for (name, expected) in [
            ("issuer", Some("issuers")),
            ("isuers", Some("issuers")),
            ("isseurs", Some("issuers")),
            ("Issuers", Some("issuers")),
            ("audience", Some("audiences")),
            ("resuorce", Some("resource")),
            ("idtoken", Some("id_token")),
            ("htpp", Some("http")),
            ("https", Some("http")),
            ("ftp", None),
            ("leeway", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), expected, "{name:?}");
        }
        assert_eq!(nearest("x", []), None);
    }
}
