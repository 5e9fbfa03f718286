//! `.env`: lines of `NAME=value`, read as python-dotenv reads them, but that nothing is put in for `${NAME}`, and that a comment
//! may follow where there is no value.
//!
//! Other programs share the file. What is theirs stops no start, and no value is ever part of what is said.

use doorward_http::config::BadVariable;
use std::collections::BTreeMap;

/// Doorward's variables and AWS's in the bytes of a file; of two of a name, the last.
///
/// Values are unquoted, to the end of the line or to a `#` after a blank, or in single or double quotes, also over lines.
///
/// # Errors
/// When one of them is malformed.
pub fn read(text: &[u8]) -> Result<BTreeMap<String, String>, BadVariable> {
    let mut variables = BTreeMap::new();
    let mut rest = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    while !rest.is_empty() {
        let (line, below) = rest.split_at(line_length(rest));
        let (name, after) = name_of(line);
        let read = match after.trim_ascii_start().strip_prefix(b"=") {
            Some(value) => value_of(value, below),
            None => Err("is not followed by '=' in .env"),
        };
        rest = read.as_ref().map_or(below, |(_, below)| *below);
        // The end of the line.
        rest = rest.split_first().map_or(rest, |(_, next)| next);
        let name = String::from_utf8_lossy(name);
        if name.starts_with("DOORWARD_") || name.starts_with("AWS_") {
            let bad = |problem: &str| BadVariable { name: name.to_string(), problem: problem.to_owned() };
            let (value, _) = read.map_err(bad)?;
            let value = String::from_utf8(value).map_err(|_| bad("is not UTF-8 in .env"))?;
            variables.insert(name.to_string(), value);
        }
    }
    Ok(variables)
}

/// What a value is, and what of the file is left after it.
type Value<'a> = Result<(Vec<u8>, &'a [u8]), &'static str>;

fn line_length(text: &[u8]) -> usize {
    text.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(text.len())
}

/// The name that a line begins with, perhaps none, and what follows it.
fn name_of(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.trim_ascii_start();
    let exported = line.strip_prefix(b"export").filter(|after| after.first().is_some_and(u8::is_ascii_whitespace));
    let line = exported.map_or(line, <[u8]>::trim_ascii_start);
    line.split_at(line.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count())
}

/// The value that begins in what is left of a line, with the lines below.
fn value_of<'a>(line: &'a [u8], below: &'a [u8]) -> Value<'a> {
    if let [quote @ (b'"' | b'\''), inside @ ..] = line.trim_ascii_start() {
        return quoted(*quote, inside, below);
    }
    let comment = line.windows(2).position(|pair| pair[0].is_ascii_whitespace() && pair[1] == b'#');
    Ok((line[..comment.unwrap_or(line.len())].trim_ascii().to_vec(), below))
}

/// What stands before the closing quote.
fn quoted<'a>(quote: u8, line: &'a [u8], below: &'a [u8]) -> Value<'a> {
    let mut value = Vec::new();
    let mut escaping = false;
    for (at, &byte) in line.iter().chain(below).enumerate() {
        if escaping {
            escaping = false;
            match unescaped(quote, byte) {
                Some(meant) => value.push(meant),
                None => value.extend([b'\\', byte]),
            }
        } else if byte == b'\\' {
            escaping = true;
        } else if byte == quote {
            return Ok((value, rest_of_line(line, below, at + 1)?));
        } else {
            value.push(byte);
        }
    }
    Err("has a quote in .env that is not closed")
}

/// What is left below a value that ended before `at`. Nothing but a comment may follow it in its line.
fn rest_of_line<'a>(line: &'a [u8], below: &'a [u8], at: usize) -> Result<&'a [u8], &'static str> {
    let (tail, below) = match line.get(at..) {
        Some(tail) => (tail, below),
        None => below[at - line.len()..].split_at(line_length(&below[at - line.len()..])),
    };
    match tail.trim_ascii_start().first() {
        None | Some(b'#') => Ok(below),
        Some(_) => Err("goes on after its quote in .env"),
    }
}

/// The byte that one after a backslash stands for.
fn unescaped(quote: u8, byte: u8) -> Option<u8> {
    match (byte, quote) {
        (b'\\' | b'\'', _) | (b'"', b'"') => Some(byte),
        (b'n', b'"') => Some(b'\n'),
        (b'r', b'"') => Some(b'\r'),
        (b't', b'"') => Some(b'\t'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &[u8]) -> Option<String> {
        read(text).unwrap().remove("DOORWARD_X")
    }

    #[test]
    fn a_bad_line_is_refused_by_its_name_alone() {
        for text in [
            &b"DOORWARD_X"[..],
            b"DOORWARD_X canary",
            b"DOORWARD_X: canary",
            b"DOORWARD_X-Y=canary",
            b"export DOORWARD_X",
            b"DOORWARD_X='canary",
            b"DOORWARD_X=\"canary'",
            b"DOORWARD_X=\"canary\\\"",
            b"DOORWARD_X='canary' canary",
            b"DOORWARD_X='can\nary' canary",
            b"DOORWARD_X=canary\xE9",
            b"DOORWARD_X='canary\xE9'",
        ] {
            let bad = read(text).unwrap_err();
            assert_eq!(bad.name, "DOORWARD_X", "{}", text.escape_ascii());
            assert!(!bad.problem.contains("canary"), "{bad}");
        }
        assert_eq!(read(b"AWS_REGION").unwrap_err().name, "AWS_REGION");
    }

    #[test]
    fn what_is_others_stops_nothing() {
        for others in [
            &b""[..],
            b"# Z\xFCrich 'tis",
            b"   ",
            b"OTHER",
            b"OTHER=Z\xFCrich it's",
            b"OTHER='it is not closed",
            b"OTHER='a' b",
            b"OTHER=\"one\nDOORWARD_X=within\nthree\"",
            b"=",
            b"=a",
            b"'DOORWARD_Y",
            b"\xFF\xFE\0",
            b"doorward_x=b",
            b"XDOORWARD_X=b",
        ] {
            let text = [others, b"\nDOORWARD_X=a\n", others, b"\r\n"].concat();
            assert_eq!(value(&text).as_deref(), Some("a"), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn values_are_what_they_are_in_python() {
        for (text, meant) in [
            (&b"DOORWARD_X=a b"[..], "a b"),
            (b"DOORWARD_X =  a b \t", "a b"),
            (b"  export\tDOORWARD_X=a", "a"),
            (b"\xEF\xBB\xBFDOORWARD_X=a", "a"),
            (b"DOORWARD_X=a\r\nOTHER=b", "a"),
            (b"DOORWARD_X=a\rOTHER=b", "a"),
            (b"DOORWARD_X=a # b", "a"),
            (b"DOORWARD_X=a\t#b", "a"),
            (b"DOORWARD_X=a#b", "a#b"),
            (b"DOORWARD_X=#a", "#a"),
            (b"DOORWARD_X= # a", ""),
            (b"DOORWARD_X=", ""),
            (b"DOORWARD_X=\nOTHER=b", ""),
            (b"DOORWARD_X=it's \"a\"", "it's \"a\""),
            (b"DOORWARD_X=a=b", "a=b"),
            (b"DOORWARD_X=$HOME ${HOME} \\n", "$HOME ${HOME} \\n"),
            (b"DOORWARD_X=\xC3\xA9", "\u{e9}"),
            (b"DOORWARD_X=''", ""),
            (b"DOORWARD_X=' a # b '", " a # b "),
            (b"DOORWARD_X= 'a' # b", "a"),
            (b"DOORWARD_X='a'#b", "a"),
            (b"DOORWARD_X='a\\'b\\\\c\\nd'", "a'b\\c\\nd"),
            (b"DOORWARD_X=\"a\\\"b\\tc\\nd\\qe\"", "a\"b\tc\nd\\qe"),
            (b"DOORWARD_X=\"a\nb\"\nOTHER=c", "a\nb"),
            (b"DOORWARD_X=a\nDOORWARD_X=b", "b"),
            (b"DOORWARD_X='a\nb'\nDOORWARD_X=c", "c"),
        ] {
            assert_eq!(value(text).as_deref(), Some(meant), "{}", text.escape_ascii());
        }
    }
}
