"""Sound files made on the spot, by libsndfile and by FFmpeg."""

from pathlib import Path

import av
import numpy as np
import soundfile


def tone(seconds: float, *, rate: int, channels: int = 1, hertz: float = 440.0) -> np.ndarray:
    """A tone with a little noise, shape (n_samples, n_channels); each channel half as loud."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).standard_normal(len(time)) * 0.01
    mono = 0.4 * np.sin(2 * np.pi * hertz * time) + noise
    return np.stack([mono / 2**channel for channel in range(channels)], 1).astype(np.float32)


def write_with_ffmpeg(
    path: Path, samples: np.ndarray, *, rate: int, codec: str, options: dict[str, str] | None = None
) -> Path:
    layout = {1: "mono", 2: "stereo"}[samples.shape[1]]
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        context = stream.codec_context
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), "fltp", layout)
        frame.sample_rate = rate
        convert = av.AudioResampler(
            context.format.name, layout, rate, frame_size=context.frame_size or None
        )
        for piece in [*convert.resample(frame), *convert.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def write_with_sndfile(path: Path, samples: np.ndarray, *, rate: int, **options: str) -> Path:
    soundfile.write(path, samples, rate, **options)
    return path


def loudest_hertz(samples: np.ndarray, *, rate: int = 16_000) -> float:
    """The strongest frequency of a mono signal."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * rate / len(samples)
