use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};

/// A code to scan with a telephone, as text: two points of it in each character. Nothing if the text is too long for one.
pub fn qr(text: &str) -> Option<String> {
    // The lowest correction: a screen has no stains, and addresses are long.
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let text = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .build();
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::qr;

    #[test]
    fn a_code_is_square() {
        let text = qr("trellis:pay7786").unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let width = lines[0].chars().count();
        assert!(lines.iter().all(|line| line.chars().count() == width));
        assert_eq!(width.div_ceil(2), lines.len());
        assert_eq!(qr(&"x".repeat(8_000)), None);
    }
}
