//! With whose rights a follow task runs: the user's name out of the task's stored headers.
//!
//! A follow task keeps the authentication of whoever made or resumed it (`measured.md`, 42). It
//! stands in the cluster state as base64 of Elasticsearch's own stream form, which begins with a
//! version, a flag for users of Elasticsearch itself, and the user's name (recording
//! 8.10.4-secured/40). Owns the reading of that beginning and nothing after it. The form is not an
//! API: what does not look exactly like it is *not known*. Only people read the result.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest name that is believed, in characters (Elasticsearch allows native users 507).
const LONGEST: u32 = 1024;
/// Versions in the stream are at least 7.0.0, which is 7000099.
const OLDEST: u32 = 7_000_000;

/// The user's name in `_xpack_security_authentication`.
pub(super) fn user(header: &str) -> Option<String> {
    let bytes = STANDARD.decode(header.trim()).ok()?;
    let mut rest = bytes.as_slice();
    if number(&mut rest)? < OLDEST {
        return None;
    }
    // 1 is a user of Elasticsearch itself (`_xpack`), which makes no follow task; anything else is
    // another form.
    if byte(&mut rest)? != 0 {
        return None;
    }
    let length = number(&mut rest)?;
    if !(1..=LONGEST).contains(&length) {
        return None;
    }
    let mut units = Vec::new();
    for _ in 0..length {
        units.push(unit(&mut rest)?);
    }
    let name = String::from_utf16(&units).ok()?;
    (!name.chars().any(char::is_control)).then_some(name)
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

/// `StreamInput.readVInt`: seven bits a byte, the lowest first.
fn number(rest: &mut &[u8]) -> Option<u32> {
    let mut value = 0_u32;
    for shift in [0, 7, 14, 21, 28] {
        let next = byte(rest)?;
        value |= u32::from(next & 0x7f) << shift;
        if next & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// One UTF-16 unit of `StreamInput.readString`, in one to three bytes.
fn unit(rest: &mut &[u8]) -> Option<u16> {
    let first = u16::from(byte(rest)?);
    match first >> 4 {
        0..=7 => Some(first),
        12 | 13 => Some((first & 0x1f) << 6 | u16::from(byte(rest)? & 0x3f)),
        14 => {
            let second = u16::from(byte(rest)? & 0x3f);
            Some((first & 0x0f) << 12 | second << 6 | u16::from(byte(rest)? & 0x3f))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As recorded (8.10.4-secured/40).
    const BOSS: &str = "3eaGBAAEYm9zcwEJc3VwZXJ1c2VyCgAAAAEACXNmb2xsb3dlcgxkZWZhdWx0X2ZpbGUEZmlsZQAAAAA=";

    #[test]
    fn the_recorded_header_names_its_user() {
        assert_eq!(user(BOSS).as_deref(), Some("boss"));
    }

    #[test]
    fn what_does_not_look_exactly_so_names_nobody() {
        for wrong in ["", "****", "AAAA", "3eaGBAEEYm9zcw==", "3eaGBAAA", "3eaGBAAEYm8="] {
            assert_eq!(user(wrong), None, "{wrong}");
        }
        // A cut anywhere before the name's end.
        let bytes = STANDARD.decode(BOSS).unwrap();
        for length in 0..10 {
            assert_eq!(user(&STANDARD.encode(&bytes[..length])), None, "{length}");
        }
    }

    #[test]
    fn a_name_of_other_letters_is_read_as_elasticsearch_writes_it() {
        let mut bytes = vec![0xdd, 0xe6, 0x86, 0x04, 0x00, 3];
        bytes.extend("jö€".as_bytes());
        assert_eq!(user(&STANDARD.encode(bytes)).as_deref(), Some("jö€"));
    }
}
