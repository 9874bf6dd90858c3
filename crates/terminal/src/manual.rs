//! Makes manual pages and shell completions from the definition of the command line.

use std::io;
use std::path::Path;

use clap::Command;
pub use clap_complete::Shell;

/// Returns the program's completions for a shell.
pub fn completions(mut command: Command, shell: Shell) -> Vec<u8> {
    let name = command.get_name().to_owned();
    let mut written = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut written);
    written
}

/// Writes a page for the program and one for each of its commands into `folder`.
pub fn pages(command: Command, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command, folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        Command::new("lark").about("Sings.").subcommand(Command::new("sing").about("Sings now."))
    }

    #[test]
    fn completions_name_the_commands_in_every_shell() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let written = String::from_utf8(completions(command(), shell)).unwrap();
            assert!(written.contains("lark") && written.contains("sing"), "{shell}: {written}");
        }
    }

    #[test]
    fn pages_are_written_for_the_program_and_its_commands() {
        let folder = std::env::temp_dir().join(format!("snaplark-manual-{}", std::process::id()));
        pages(command(), &folder).unwrap();
        for name in ["lark.1", "lark-sing.1"] {
            let page = std::fs::read_to_string(folder.join(name)).unwrap();
            assert!(page.contains("Sings"), "{name}: {page}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
