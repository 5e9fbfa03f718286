//! Text without tags.
//!
//! What makes it harmless is that no `<` and no `>` is left, not that the tags were understood: where one ends is read as a
//! browser's tokenizer reads it (the HTML Standard, §13.2.5), and nothing is made of it.

/// Tags, comments and declarations go, all other text stays, and `&`, `<` and `>` in it are escaped.
///
/// What never ends is text: its `<` is escaped, and what follows is read on. A character reference in the text stays as it
/// is, so that what is escaped already is not escaped twice: `&` and a number or a name, whether or not there is that name,
/// and `;`. Takes time in proportion to the text, whatever is in it.
pub fn without_tags(html: &str) -> String {
    let mut markup = Markup::of(html);
    let mut text = String::with_capacity(html.len());
    let mut at = 0;
    while let Some(plain) = html[at..].find(['<', '>', '&']) {
        text.push_str(&html[at..at + plain]);
        at += plain;
        let (escaped, end) = match html.as_bytes()[at] {
            b'<' => markup.end(at).map_or(("&lt;", at + 1), |end| ("", end)),
            b'>' => ("&gt;", at + 1),
            _ if is_reference(&html[at + 1..]) => ("&", at + 1),
            _ => ("&amp;", at + 1),
        };
        text.push_str(escaped);
        at = end;
    }
    text.push_str(&html[at..]);
    text
}

/// Whether what follows a `&` makes a character reference of it.
fn is_reference(text: &str) -> bool {
    let is_all = |text: &str, is: fn(&char) -> bool| !text.is_empty() && text.chars().all(|c| is(&c));
    let Some(end) = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '#') else { return false };
    let (name, rest) = text.split_at(end);
    rest.starts_with(';')
        && match name.strip_prefix('#').map(|number| number.strip_prefix(['x', 'X']).ok_or(number)) {
            Some(Ok(hexadecimal)) => is_all(hexadecimal, char::is_ascii_hexdigit),
            Some(Err(decimal)) => is_all(decimal, char::is_ascii_digit),
            None => name.starts_with(|c: char| c.is_ascii_alphabetic()) && is_all(name, char::is_ascii_alphanumeric),
        }
}

/// Where markup ends, asked from front to back.
struct Markup<'a> {
    html: &'a str,
    last_end: Option<usize>,
    last_end_of_comment: Option<usize>,
    /// By place, a bit for each state in which a tag passed it.
    passed: Vec<u8>,
}

impl<'a> Markup<'a> {
    fn of(html: &'a str) -> Self {
        let (last_end, last_end_of_comment) = (html.rfind('>'), html.rfind("-->"));
        Self { html, last_end, last_end_of_comment, passed: vec![0; html.len()] }
    }

    /// Where the markup ends that begins with the `<` at `from`, if it is any and ends.
    fn end(&mut self, from: usize) -> Option<usize> {
        let html = self.html;
        // Nothing is searched for that is not there: a text that is full of beginnings would be searched as often.
        let last = self.last_end.filter(|last| *last > from)?;
        match &html.as_bytes()[from + 1..=last] {
            [letter, ..] if letter.is_ascii_alphabetic() => self.end_of_tag(from + 2),
            [b'/', letter, ..] if letter.is_ascii_alphabetic() => self.end_of_tag(from + 3),
            [b'!', b'-', b'-', ..] => {
                // `<!-->` is a whole one.
                let inside = from + 2;
                self.last_end_of_comment.filter(|last| *last >= inside)?;
                html[inside..].find("-->").map(|length| inside + length + 3)
            }
            [b'!' | b'/' | b'?', ..] => html[from..].find('>').map(|length| from + length + 1),
            _ => None,
        }
    }

    /// Where the tag ends of whose name the first letter stands before `from`.
    fn end_of_tag(&mut self, from: usize) -> Option<usize> {
        let mut state = Tag::Name;
        for (at, byte) in self.html.bytes().enumerate().skip(from) {
            // Had the tag that passed here like this ended, its end would be behind us: no tag ends that does.
            let bit = 1 << state as u8;
            if self.passed[at] & bit != 0 {
                return None;
            }
            self.passed[at] |= bit;
            if byte == b'>' && !matches!(state, Tag::DoubleQuoted | Tag::SingleQuoted) {
                return Some(at + 1);
            }
            state = state.after(byte);
        }
        None
    }
}

/// Where in a tag a byte stands.
#[derive(Clone, Copy)]
enum Tag {
    Name,
    BeforeAttribute,
    Attribute,
    AfterAttribute,
    BeforeValue,
    DoubleQuoted,
    SingleQuoted,
    Unquoted,
}

impl Tag {
    fn after(self, byte: u8) -> Self {
        let is_space = byte.is_ascii_whitespace();
        match (self, byte) {
            (Self::DoubleQuoted, b'"') | (Self::SingleQuoted, b'\'') => Self::BeforeAttribute,
            (Self::DoubleQuoted | Self::SingleQuoted, _) => self,
            (Self::BeforeValue | Self::BeforeAttribute | Self::AfterAttribute, _) if is_space => self,
            (Self::Attribute, _) if is_space => Self::AfterAttribute,
            (Self::Name | Self::Unquoted, _) if is_space => Self::BeforeAttribute,
            (Self::BeforeValue, b'"') => Self::DoubleQuoted,
            (Self::BeforeValue, b'\'') => Self::SingleQuoted,
            (Self::BeforeValue | Self::Unquoted, _) => Self::Unquoted,
            (_, b'/') => Self::BeforeAttribute,
            (Self::Attribute | Self::AfterAttribute, b'=') => Self::BeforeValue,
            (Self::Name, _) => Self::Name,
            (Self::BeforeAttribute | Self::Attribute | Self::AfterAttribute, _) => Self::Attribute,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_tags;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_tag_stays() {
        for (html, text) in [
            ("", ""),
            ("plain", "plain"),
            ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
            ("a<b", "a&lt;b"),
            ("<b", "&lt;b"),
            ("<", "&lt;"),
            ("</", "&lt;/"),
            ("</b", "&lt;/b"),
            ("if a <b then c", "if a &lt;b then c"),
            ("I <3 you>", "I &lt;3 you&gt;"),
            ("x<é>", "x&lt;é&gt;"),
            ("<\u{a0}b>", "&lt;\u{a0}b&gt;"),
            ("a <!-- b", "a &lt;!-- b"),
            ("a <!- b", "a &lt;!- b"),
            ("a <? b", "a &lt;? b"),
            ("a <!-- b <i>c</i>", "a &lt;!-- b c"),
            ("<a title=\"b <i>c</i>", "&lt;a title=\"b c"),
            ("<pre>\n\r\nx</pre>", "\n\r\nx"),
            ("\u{feff}x\u{a0}", "\u{feff}x\u{a0}"),
        ] {
            assert_eq!(without_tags(html), text, "{html}");
        }
    }

    #[test]
    fn tags_go_and_their_text_stays() {
        for (html, text) in [
            ("<b>bold</b> <i onclick='x()'>and</i> more", "bold and more"),
            ("<script>alert(1)</script>", "alert(1)"),
            ("<script><b>x</b></script>", "x"),
            ("<scr<script>ipt>alert(1)</scr</script>ipt>", "ipt&gt;alert(1)ipt&gt;"),
            ("<<b>script>", "&lt;script&gt;"),
            ("<img src=x onerror=alert(1)>", ""),
            ("<svg><title>t</title></svg>", "t"),
            ("<math><mi>x</mi></math>", "x"),
            ("<template>in</template>x", "inx"),
            ("<table><tr><td>cell</td></tr>text</table>", "celltext"),
            ("<plaintext>foo</b>", "foo"),
            ("<style>a{}</style>x<!-- gone -->", "a{}x"),
            ("<!-- <b> -- > -->a<!-->b<!--->c", "abc"),
            ("<!DOCTYPE html>a<?xml?>b</>c</ x>d<![CDATA[e]]>f", "abcdf"),
        ] {
            assert_eq!(without_tags(html), text, "{html}");
        }
        for tag in ["textarea", "iframe", "noscript", "xmp", "title", "noembed", "X-Y", "b/", "b\u{c}c\n", "b\u{e9}"] {
            assert_eq!(without_tags(&format!("<{tag}><b>x</b></{tag}>y")), "xy", "{tag}");
        }
    }

    #[test]
    fn a_tag_ends_outside_of_its_quoted_values() {
        for (html, text) in [
            ("<a b=\">\">x", "x"),
            ("<a b = '>\"' c>x", "x"),
            ("<a b=\">\"c=\">\">x", "x"),
            // No value is quoted here.
            ("<a b=c\"d>x\">", "x\"&gt;"),
            ("<a \">x\">", "x\"&gt;"),
            ("<a =\">x\">", "x\"&gt;"),
            ("<a/=\">x\">", "x\"&gt;"),
            ("<a=\">x\">", "x\"&gt;"),
            ("<a b=>x", "x"),
        ] {
            assert_eq!(without_tags(html), text, "{html}");
        }
    }

    #[test]
    fn a_reference_stays_as_it_is() {
        for reference in ["&lt;b&gt;", "&amp;", "&amp;lt;", "&#60;", "&#x3C;", "&#X3c;", "&nbsp;", "&frac12;"] {
            assert_eq!(without_tags(reference), reference);
        }
        for (html, text) in [
            ("AT&T", "AT&amp;T"),
            ("&", "&amp;"),
            ("&;", "&amp;;"),
            ("&lt", "&amp;lt"),
            ("&copy 2027", "&amp;copy 2027"),
            ("&#;&#x;&#xg;&#1a;&#", "&amp;#;&amp;#x;&amp;#xg;&amp;#1a;&amp;#"),
            ("&1;&a#b;&é;", "&amp;1;&amp;a#b;&amp;é;"),
            ("&l<b>t;", "&amp;lt;"),
        ] {
            assert_eq!(without_tags(html), text, "{html}");
        }
    }

    proptest! {
        #[test]
        fn what_comes_out_has_nothing_left_to_take(html in "(<|>|&|;|#|\"|'|=|/|!|-|[ab1 é]|\\PC){0,60}") {
            let text = without_tags(&html);
            prop_assert!(!text.contains(['<', '>']), "{}", text);
            prop_assert_eq!(without_tags(&text), text);
        }

        #[test]
        fn text_that_has_none_of_the_three_is_unchanged(text in "[^<>&]{0,60}") {
            prop_assert_eq!(without_tags(&text), text);
        }
    }
}
