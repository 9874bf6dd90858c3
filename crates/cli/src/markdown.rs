//! Links as Markdown, for issues and chats.

/// The characters that mean something in a link's text. A title is one line.
const MARKS: &[char] = &['\\', '[', ']', '*', '_', '`', '<', '>', '&', '~', '|', '#', '!', '$'];
const UNTITLED: &str = "Recording";

/// Returns a link with a title, of which every character is shown as it is.
pub fn link(title: &str, link: &str) -> String {
    let title = if title.trim().is_empty() { UNTITLED } else { title.trim() };
    let mut text = String::with_capacity(title.len() + link.len() + 8);
    text.push('[');
    for letter in title.chars() {
        match letter {
            letter if letter.is_control() => text.push(' '),
            letter => {
                if MARKS.contains(&letter) {
                    text.push('\\');
                }
                text.push(letter);
            }
        }
    }
    text.push_str("](");
    for letter in link.chars() {
        match letter {
            '(' => text.push_str("%28"),
            ')' => text.push_str("%29"),
            '<' => text.push_str("%3C"),
            '>' => text.push_str("%3E"),
            '\\' => text.push_str("%5C"),
            letter => text.push(letter),
        }
    }
    text.push(')');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_is_shown_as_it_is_and_ends_nothing() {
        for (title, shown) in [
            ("Firefox", "Firefox"),
            ("a [b](http://c)", r"a \[b\](http://c)"),
            ("*not* _this_ `one` <b>", r"\*not\* \_this\_ \`one\` \<b\>"),
            (r"C:\new", r"C:\\new"),
            ("two\nlines", "two lines"),
            ("  ", "Recording"),
        ] {
            assert_eq!(link(title, "https://host/1"), format!("[{shown}](https://host/1)"));
        }
    }

    #[test]
    fn address_ends_where_it_should() {
        assert_eq!(link("a", "https://host/(1)\\"), "[a](https://host/%281%29%5C)");
    }
}
