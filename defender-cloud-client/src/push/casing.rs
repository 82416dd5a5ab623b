//! Names as the push has them, and as Azure Resource Manager has them: the same, but for the capitals at their beginning.

/// A name as Azure Resource Manager writes it: the capitals at its beginning in lower case, but the one that begins its
/// next word (`OMSAgentID` is `omsAgentID`).
pub(super) fn lowered(name: &str) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    for at in 0..letters.len() {
        if !letters[at].is_uppercase() {
            break;
        }
        let next = letters.get(at + 1).copied();
        // The last capital of several begins a word, unless the word ends with it.
        if at > 0 && next.is_some_and(|next| !next.is_uppercase() && !next.is_whitespace()) {
            break;
        }
        letters[at] = letters[at].to_ascii_lowercase();
    }
    letters.into_iter().collect()
}

/// Lowers the names in a JSON text that has been checked, down to so many levels of objects; every other byte stays as it
/// is.
pub(super) fn lowered_names(text: &str, levels: usize) -> String {
    let mut out = String::with_capacity(text.len());
    // What is open: an object, whose next text may be a name, or a list.
    let mut open: Vec<bool> = Vec::new();
    let (mut depth, mut name_comes, mut copied, mut at) = (0_usize, false, 0, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                let end = end_of_text(bytes, at);
                if std::mem::take(&mut name_comes) && depth <= levels {
                    out.push_str(&text[copied..at]);
                    out.push_str(&renamed(&text[at..end]));
                    copied = end;
                }
                at = end;
                continue;
            }
            b'{' => {
                open.push(true);
                depth += 1;
                name_comes = true;
            }
            b'[' => open.push(false),
            b'}' | b']' => {
                depth -= usize::from(open.pop() == Some(true));
                name_comes = false;
            }
            b',' => name_comes = open.last() == Some(&true),
            _ => {}
        }
        at += 1;
    }
    out.push_str(&text[copied..]);
    out
}

/// Where the text ends that begins here, its quotes included.
fn end_of_text(bytes: &[u8], begin: usize) -> usize {
    let mut at = begin + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// A name as it stands in the text, lowered; one that cannot be read stays as it is.
fn renamed(quoted: &str) -> String {
    match serde_json::from_str::<String>(quoted) {
        Ok(name) => serde_json::Value::from(lowered(&name)).to_string(),
        Err(_) => quoted.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_the_capitals_that_they_begin_with() {
        for (push, arm) in [
            ("OMSAgentID", "omsAgentID"),
            ("OMS workspace ID", "oms workspace ID"),
            ("EffectiveSubscriptionId", "effectiveSubscriptionId"),
            ("PID", "pid"),
            ("HostName", "hostName"),
            ("NTDomain", "ntDomain"),
            ("Process Path", "process Path"),
            ("resourceType", "resourceType"),
            ("$id", "$id"),
            ("IP", "ip"),
            ("", ""),
            ("Älter", "Älter"),
        ] {
            assert_eq!(lowered(push), arm, "{push}");
        }
    }

    #[test]
    fn everything_but_the_names_stays_as_it_is_byte_by_byte() {
        let text = r#"{ "Zeta":[1,-2,1E2,12345678901234567890123,null,true,"A\"b \u00e9 {\"X\":1}","\ud83d"], "Al\u0070ha":{"NTDomain":{"$ref":"1"},"Empty":[],"None":{}}, "Cut\ud83d":[{"In":"Side"}]}"#;
        assert_eq!(
            lowered_names(text, usize::MAX),
            r#"{ "zeta":[1,-2,1E2,12345678901234567890123,null,true,"A\"b \u00e9 {\"X\":1}","\ud83d"], "alpha":{"ntDomain":{"$ref":"1"},"empty":[],"none":{}}, "Cut\ud83d":[{"in":"Side"}]}"#
        );
        assert_eq!(
            lowered_names(r#"{"Aa":{"Bb":1},"Cc":[{"Dd":1}]}"#, 1),
            r#"{"aa":{"Bb":1},"cc":[{"Dd":1}]}"#
        );
        assert_eq!(lowered_names("5", 1), "5");
        let deep = format!("{}{}", "{\"A\":".repeat(100_000), "}".repeat(100_000));
        assert_eq!(lowered_names(&deep, usize::MAX).len(), deep.len());
        for broken in ["{\"A", "{\"A\\", "}", "]]"] {
            lowered_names(broken, 1);
        }
    }
}
