// A client of docs/protocol.md in Rust: rustc -O --edition 2021 conv2d.rs && corrbench verify cmd:./conv2d
use std::io::{self, Read, Write};

/// The whole numbers of a key, such as "x":[1,2,3,4]; none if the key is not there. No blanks come between.
fn numbers(text: &str, key: &str) -> Option<Vec<i64>> {
    let rest = &text[text.find(&format!("\"{key}\":"))? + key.len() + 3..];
    let list = match rest.strip_prefix('[') {
        Some(inner) => &inner[..inner.find(']')?],
        None => &rest[..rest.find([',', '}'])?],
    };
    list.split(',').map(|number| number.parse().ok()).collect()
}

fn read(size: usize) -> io::Result<Vec<u8>> {
    let mut data = vec![0; size];
    io::stdin().read_exact(&mut data)?;
    Ok(data)
}

fn answer(text: &str, data: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(&(text.len() as u64).to_le_bytes())?;
    out.write_all(text.as_bytes())?;
    out.write_all(data)?;
    out.flush()
}

fn array(shape: &[i64], wide: bool) -> io::Result<Vec<f64>> {
    let count = shape.iter().product::<i64>() as usize;
    let data = read(count * if wide { 8 } else { 4 })?;
    Ok(match wide {
        true => data.chunks(8).map(|one| f64::from_le_bytes(one.try_into().unwrap())).collect(),
        false => data.chunks(4).map(|one| f32::from_le_bytes(one.try_into().unwrap()) as f64).collect(),
    })
}

fn main() -> io::Result<()> {
    while let Ok(head) = read(8) {
        let text = read(u64::from_le_bytes(head.try_into().unwrap()) as usize)?;
        let text = String::from_utf8(text).map_err(io::Error::other)?;
        if text.contains("\"hello\"") {
            answer(r#"{"protocol":1,"dtypes":["float32","float64"]}"#, &[])?;
            continue;
        }
        let wide = text.contains("\"float64\"");
        let [x, w, y, s, p, d, g] = ["x", "w", "y", "stride", "padding", "dilation", "groups"]
            .map(|key| numbers(&text, key).expect("the protocol has this key in each call"));
        let (image, kernel) = (array(&x, wide)?, array(&w, wide)?);
        let bias = numbers(&text, "b").map(|shape| array(&shape, wide)).transpose()?;
        let mut out = Vec::new();
        for at in 0..y.iter().product::<i64>() {
            let (j, i, o, n) = (at % y[3], at / y[3] % y[2], at / y[3] / y[2] % y[1], at / y[3] / y[2] / y[1]);
            let mut sum = bias.as_ref().map_or(0.0, |b| b[o as usize]);
            for c in 0..w[1] {
                for (k, l) in (0..w[2]).flat_map(|k| (0..w[3]).map(move |l| (k, l))) {
                    let (row, column) = (i * s[0] + k * d[0] - p[0], j * s[1] + l * d[1] - p[2]);
                    if row < 0 || row >= x[2] || column < 0 || column >= x[3] {
                        continue;
                    }
                    let channel = o / (w[0] / g[0]) * w[1] + c;
                    sum += image[(((n * x[1] + channel) * x[2] + row) * x[3] + column) as usize]
                        * kernel[(((o * w[1] + c) * w[2] + k) * w[3] + l) as usize];
                }
            }
            match wide {
                true => out.extend(sum.to_le_bytes()),
                false => out.extend((sum as f32).to_le_bytes()),
            }
        }
        answer(&format!("{{\"y\":[{},{},{},{}]}}", y[0], y[1], y[2], y[3]), &out)?;
    }
    Ok(())
}
