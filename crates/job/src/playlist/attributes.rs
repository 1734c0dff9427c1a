//! Attribute lists (RFC 8216 4.2).

use std::collections::BTreeMap;
use std::str::FromStr;

use super::parse::Problem;

/// The attributes of one tag.
pub(super) struct Attributes<'a> {
    values: BTreeMap<&'a str, Value<'a>>,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Quoted(&'a str),
    Plain(&'a str),
}

impl<'a> Attributes<'a> {
    pub(super) fn parse(list: &'a str) -> Result<Self, Problem> {
        let mut values = BTreeMap::new();
        let mut rest = list;
        loop {
            let (name, after) = rest.split_once('=').ok_or(Problem::AttributeList)?;
            let is_name = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'-';
            if name.is_empty() || !name.bytes().all(is_name) {
                return Err(Problem::AttributeList);
            }
            let (value, after) = Value::split(after).ok_or(Problem::AttributeList)?;
            if values.insert(name, value).is_some() {
                return Err(Problem::Duplicate(name.to_owned()));
            }
            match after {
                None => return Ok(Self { values }),
                Some(after) => rest = after,
            }
        }
    }

    /// A quoted string.
    pub(super) fn quoted(&self, name: &'static str) -> Result<Option<String>, Problem> {
        match self.values.get(name) {
            None => Ok(None),
            Some(Value::Quoted(value)) => Ok(Some((*value).to_owned())),
            Some(Value::Plain(_)) => Err(Problem::Attribute(name)),
        }
    }

    /// A quoted string that must be there.
    pub(super) fn required(&self, name: &'static str) -> Result<String, Problem> {
        self.quoted(name)?.ok_or(Problem::MissingAttribute(name))
    }

    /// An unquoted value.
    pub(super) fn plain(&self, name: &'static str) -> Result<Option<&'a str>, Problem> {
        match self.values.get(name) {
            None => Ok(None),
            Some(Value::Plain(value)) => Ok(Some(value)),
            Some(Value::Quoted(_)) => Err(Problem::Attribute(name)),
        }
    }

    /// A decimal integer.
    pub(super) fn integer(&self, name: &'static str) -> Result<Option<u64>, Problem> {
        let number = |text| digits(text).ok_or(Problem::Attribute(name));
        self.plain(name)?.map(number).transpose()
    }

    /// `YES` or `NO`; absent is `NO`.
    pub(super) fn flag(&self, name: &'static str) -> Result<bool, Problem> {
        match self.plain(name)? {
            Some("YES") => Ok(true),
            Some("NO") | None => Ok(false),
            Some(_) => Err(Problem::Attribute(name)),
        }
    }

    /// `<width>x<height>`.
    pub(super) fn resolution(&self, name: &'static str) -> Result<Option<(u32, u32)>, Problem> {
        let size = |text: &str| {
            let (width, height) = text.split_once('x')?;
            Some((digits(width)?, digits(height)?))
        };
        let number = |text| size(text).ok_or(Problem::Attribute(name));
        self.plain(name)?.map(number).transpose()
    }

    /// A decimal fraction in units of ten to the minus `places`.
    pub(super) fn decimal(&self, name: &'static str, places: u32) -> Result<Option<u64>, Problem> {
        let number = |text| decimal(text, places).ok_or(Problem::Attribute(name));
        self.plain(name)?.map(number).transpose()
    }
}

impl<'a> Value<'a> {
    /// The value at the start of `text`, and what follows its comma.
    fn split(text: &'a str) -> Option<(Self, Option<&'a str>)> {
        if let Some(quoted) = text.strip_prefix('"') {
            let (value, after) = quoted.split_once('"')?;
            return match after.strip_prefix(',') {
                Some(rest) => Some((Self::Quoted(value), Some(rest))),
                None if after.is_empty() => Some((Self::Quoted(value), None)),
                None => None,
            };
        }
        let (value, rest) = text.split_once(',').map_or((text, None), |(v, r)| (v, Some(r)));
        let bad = |c: char| c == '"' || c.is_whitespace();
        (!value.is_empty() && !value.contains(bad)).then_some((Self::Plain(value), rest))
    }
}

/// Digits alone: `FromStr` would take a plus sign too.
pub(super) fn digits<T: FromStr>(text: &str) -> Option<T> {
    if !text.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A decimal number without sign, in units of ten to the minus `places`, rounded to the nearest.
pub(crate) fn decimal(text: &str, places: u32) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let unit = 10_u64.checked_pow(places)?;
    let whole = digits::<u64>(whole)?.checked_mul(unit)?;
    let mut digits_of_fraction = fraction.bytes().map(|c| u64::from(c - b'0'));
    let mut value = 0_u64;
    for _ in 0..places {
        value = value * 10 + digits_of_fraction.next().unwrap_or(0);
    }
    let round_up = digits_of_fraction.next().is_some_and(|digit| digit >= 5);
    whole.checked_add(value)?.checked_add(u64::from(round_up))
}
