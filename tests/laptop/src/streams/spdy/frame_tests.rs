//! Tests of the frames.

use super::*;

fn all(bytes: &[u8], piece: usize) -> Result<Vec<Frame>, FrameError> {
    let (mut decoder, mut buffer, mut frames) = (Decoder::default(), BytesMut::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        buffer.extend_from_slice(piece);
        while let Some(frame) = decoder.next(&mut buffer)? {
            frames.push(frame);
        }
    }
    Ok(frames)
}

fn syn_stream(stream: u32, block: &[u8]) -> Vec<u8> {
    let mut frame = control_head(1, 10 + block.len());
    frame.put_u32(stream);
    frame.put_slice(&[0; 6]);
    frame.put_slice(block);
    frame.to_vec()
}

#[test]
fn frames_come_back_however_they_are_cut() {
    let mut bytes = syn_stream(3, b"block");
    bytes.extend(syn_reply(3, b"reply"));
    bytes.extend(data(3, false, b"hello"));
    bytes.extend(data(3, true, b""));
    bytes.extend(reset(5, Reset::Cancel));
    bytes.extend(ping(7));
    bytes.extend(control_head(4, 4));
    bytes.extend([0; 4]);
    bytes.extend(go_away(3));
    let whole = all(&bytes, bytes.len()).unwrap();
    let expected = [
        Frame::SynStream { stream: 3, fin: false, block: Bytes::from_static(b"block") },
        Frame::Headers { block: Bytes::from_static(b"reply") },
        Frame::Data { stream: 3, fin: false, bytes: Bytes::from_static(b"hello") },
        Frame::Data { stream: 3, fin: true, bytes: Bytes::new() },
        Frame::RstStream { stream: 5 },
        Frame::Ping { id: 7 },
        Frame::Ignored,
        Frame::GoAway,
    ];
    assert_eq!(whole, expected);
    for piece in 1..20 {
        let kind = |f: &Frame| !matches!(f, Frame::Data { .. });
        let cut = all(&bytes, piece).unwrap();
        assert!(cut.iter().filter(|f| kind(f)).eq(whole.iter().filter(|f| kind(f))), "pieces of {piece}");
    }
}

#[test]
fn data_comes_in_parts_and_ends_once() {
    let long: Vec<u8> = (0..100_000_u32).map(|i| i as u8).collect();
    let mut bytes = data(9, true, &long).to_vec();
    bytes.extend(ping(1));
    for piece in [1, 7, 8, 9, 4096] {
        let (mut got, mut fins) = (Vec::new(), 0);
        let frames = all(&bytes, piece).unwrap();
        assert_eq!(frames.last(), Some(&Frame::Ping { id: 1 }));
        for frame in frames {
            if let Frame::Data { stream, fin, bytes } = frame {
                assert_eq!(stream, 9);
                got.extend_from_slice(&bytes);
                fins += usize::from(fin);
            }
        }
        assert!(got == long && fins == 1, "pieces of {piece}");
    }
}

#[test]
fn what_is_no_frame_is_an_error() {
    assert_eq!(all(&[0; 8], 8), Err(FrameError::ZeroStream));
    assert_eq!(all(&syn_stream(0, b""), 8), Err(FrameError::ZeroStream));
    assert_eq!(all(&[0x80, 2, 0, 1, 0, 0, 0, 10], 8), Err(FrameError::Version(2)));
    assert_eq!(all(&[0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff], 8), Err(FrameError::TooLong(0xff_ffff)));
    for (kind, length) in [(1, 9), (2, 3), (3, 7), (6, 0), (7, 4), (8, 1)] {
        let mut bytes = control_head(kind, length).to_vec();
        bytes.extend(vec![1; length]);
        assert_eq!(all(&bytes, 64), Err(FrameError::TooShort(kind, length)));
    }
}

#[test]
fn garbage_never_panics_nor_gathers() {
    let mut seed = 1_u64;
    for _ in 0..2000 {
        let mut bytes = Vec::new();
        for _ in 0..64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            bytes.push((seed >> 56) as u8);
        }
        // Half of them as control frames of the right version.
        if seed & 1 << 40 != 0 {
            bytes[..3].copy_from_slice(&[0x80, 3, 0]);
            bytes[3] &= 15;
            bytes[5..7].copy_from_slice(&[0, 0]);
        }
        let _ = all(&bytes, 5);
    }
}
