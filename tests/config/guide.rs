//! The excerpts of configurations in the guide can be used as they stand.

use std::{fs, path::Path};

use crate::{ISSUER, load};

/// The excerpts of a page.
fn excerpts(page: &str) -> Vec<String> {
    let blocks = page.split("```toml\n").skip(1);
    blocks.filter_map(|block| block.split_once("\n```")).map(|(toml, _)| toml.to_owned()).collect()
}

#[test]
fn each_excerpt_is_a_configuration() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide");
    let (mut count, mut built) = (0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let page = fs::read_to_string(&path).unwrap();
        // A manifest of Cargo is in the same format.
        let configurations = excerpts(&page).into_iter().filter(|toml| !toml.contains("dependencies"));
        for (n, toml) in configurations.enumerate() {
            let name = format!("{}, excerpt {n}", path.display());
            // What says nothing of resource and issuers is a part of a file that does.
            let before =
                if toml.contains("resource =") || toml.contains("system.") || toml.contains("[system") {
                    String::new()
                } else {
                    "resource = \"https://api.example\"\n".to_owned()
                };
            let after = if toml.contains("issuers") || toml.contains("system") {
                String::new()
            } else {
                format!("\n[[issuers]]\n{ISSUER}")
            };
            let config =
                load(&format!("{before}{toml}{after}")).unwrap_or_else(|error| panic!("{name}: {error}"));
            count += 1;
            // Files that it names are not here.
            if !toml.contains("_file") && !toml.contains("file =") {
                config.build().unwrap_or_else(|error| panic!("{name}: {error}"));
                built += 1;
            }
        }
    }
    assert!(count >= 17 && built >= 10, "{built} of {count} were built");
}
