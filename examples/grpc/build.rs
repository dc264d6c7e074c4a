//! Generates the client and the server from the .proto file, without `protoc`, and writes the descriptor set that the
//! rows of the requirement table are checked against.

use std::{env, error::Error, fs, path::Path};

use protox::Compiler;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let mut compiler = Compiler::new(["proto"])?;
    compiler.include_source_info(true).include_imports(true).open_file("greeter.proto")?;
    let descriptors = Path::new(&env::var("OUT_DIR")?).join("greeter.bin");
    fs::write(descriptors, compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure().compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
