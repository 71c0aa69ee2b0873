//! `status --watch`: the same answer again and again, until somebody stops it.
//!
//! Owns the drawing. On a terminal each look is drawn over the one before, on the second screen
//! that terminals keep for this, so that what stood there comes back; elsewhere one block follows
//! the other, each under its time.

use std::time::Duration;

use crate::cli::client::table::instant;
use crate::cli::client::{DONE, Session};
use crate::cli::look::{Look, Screen};
use crate::clock::Clock;

/// The second screen, without a cursor; a line too long for it ends at its edge instead of pushing
/// the others down.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// What one look said.
struct Frame {
    text: Vec<u8>,
    complaint: Vec<u8>,
    code: u8,
}

impl Session<'_> {
    /// `refollow status --watch`: until `stop`, or until nobody reads any more. A daemon that
    /// cannot be reached ends it only at the first look: later it may be starting anew.
    pub async fn watch(
        &mut self,
        interval: Duration,
        clock: &dyn Clock,
        look: &(dyn Fn() -> Look + Sync),
        stop: impl Future<Output = ()>,
    ) -> u8 {
        let mut stop = std::pin::pin!(stop);
        let first = tokio::select! {
            frame = self.frame(clock, look) => frame,
            () = &mut stop => return DONE,
        };
        if first.code != DONE {
            drop(self.out.write_all(&first.text));
            drop(self.err.write_all(&first.complaint));
            return first.code;
        }
        // With --json each look is one block of JSON, for programs: nothing is drawn.
        let on_screen = look().screen.is_some() && !self.json;
        if on_screen {
            self.print(ENTER);
        }
        let mut frame = first;
        while self.draw(&frame, clock, look) {
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                () = &mut stop => break,
            }
            frame = tokio::select! {
                frame = self.frame(clock, look) => frame,
                () = &mut stop => break,
            };
        }
        if on_screen {
            self.print(LEAVE);
        }
        DONE
    }

    async fn frame(&self, clock: &dyn Clock, look: &(dyn Fn() -> Look + Sync)) -> Frame {
        let (mut text, mut complaint) = (Vec::new(), Vec::new());
        let mut one = Session::new(
            self.client.socket(),
            self.json,
            clock.now(),
            &mut text,
            &mut complaint,
        )
        .looking(look());
        let code = one.status().await;
        Frame {
            text,
            complaint,
            code,
        }
    }

    /// Whether anybody still reads.
    fn draw(&mut self, frame: &Frame, clock: &dyn Clock, look: &(dyn Fn() -> Look + Sync)) -> bool {
        let at = instant(clock.now());
        let body = [frame.complaint.as_slice(), frame.text.as_slice()].concat();
        let body = String::from_utf8_lossy(&body);
        let text = match look().screen {
            _ if self.json => body.into_owned(),
            Some(screen) => drawn(
                &format!("refollow status, {at}; Ctrl-C ends it\n\n{body}"),
                screen,
            ),
            None => format!("--- {at}\n{body}\n"),
        };
        self.out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush())
            .is_ok()
    }
}

/// Over what stood there: from the top, each line cleared behind its end, everything below the last
/// one cleared. What does not fit below is counted: the loudest stands on top.
fn drawn(text: &str, screen: Screen) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let room = screen.height;
    let (shown, left) = if lines.len() > room {
        let shown = room.saturating_sub(1);
        (shown, lines.len() - shown)
    } else {
        (lines.len(), 0)
    };
    let mut kept: Vec<String> = lines
        .iter()
        .take(shown)
        .map(|line| format!("{line}\x1b[K"))
        .collect();
    if left > 0 {
        kept.push(format!("… {left} more lines\x1b[K"));
    }
    // No line end behind the last one: it would scroll the first one away.
    format!("\x1b[H{}\x1b[J", kept.join("\r\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_shows_what_fits_and_counts_the_rest() {
        let screen = Screen { width: 80, height: 3 };
        assert_eq!(drawn("a\nb\n", screen), "\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J");
        assert_eq!(
            drawn("a\nb\nc\nd\ne\n", screen),
            "\x1b[Ha\x1b[K\r\nb\x1b[K\r\n… 3 more lines\x1b[K\x1b[J"
        );
    }
}
