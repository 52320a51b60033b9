//! The words of a command line. An argument with spaces may be a line for a shell, whose words count as well.

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Without quotes around it.
    pub text: String,
    /// It is no word of the command before, but what ends it in a shell.
    pub ends_command: bool,
}

/// What ends a command in a shell.
const ENDS: [&str; 6] = [";", "&&", "||", "|", "&", "\n"];

/// All words.
pub fn words(line: &[String]) -> Vec<Word> {
    line.iter().flat_map(|argument| of_argument(argument)).collect()
}

fn of_argument(argument: &str) -> Vec<Word> {
    let word = |text: &str| Word { text: text.into(), ends_command: false };
    if !argument.contains(char::is_whitespace) {
        return vec![word(argument)];
    }
    let mut words = Vec::new();
    // A line that ends with a backslash goes on.
    for line in argument.replace("\\\n", " ").lines() {
        for text in line.split_whitespace() {
            if ENDS.contains(&text) {
                words.push(Word { text: text.into(), ends_command: true });
                continue;
            }
            let bare = text.trim_end_matches([';', '&', '|']);
            words.push(word(bare.trim_matches(['"', '\''])));
            if bare.len() < text.len() {
                words.push(Word { text: text[bare.len()..].into(), ends_command: true });
            }
        }
        words.push(Word { text: "\n".into(), ends_command: true });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &[&str]) -> Vec<String> {
        let line: Vec<String> = line.iter().map(|w| (*w).into()).collect();
        words(&line).into_iter().map(|w| if w.ends_command { "END".into() } else { w.text }).collect()
    }

    #[test]
    fn a_line_for_a_shell_has_words_and_ends() {
        assert_eq!(of(&["dask", "worker;"]), ["dask", "worker;"], "no shell reads this");
        let line = "cd /x && dask worker \"tcp://s:1\" \\\n --name 'a'; wait";
        let words = [
            "sh",
            "-c",
            "cd",
            "/x",
            "END",
            "dask",
            "worker",
            "tcp://s:1",
            "--name",
            "a",
            "END",
            "wait",
            "END",
        ];
        assert_eq!(of(&["sh", "-c", line]), words);
    }
}
