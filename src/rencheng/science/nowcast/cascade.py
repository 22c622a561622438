"""Rain by scale: a field split into bands of wavelengths, each of which lives as long as its scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Cascade", "band_filters", "decompose", "noise_spectrum", "recompose", "spectral_noise"]

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """A field as normalised bands.

    Parameters
    ----------
    level : float64 array, shape (levels, ny, nx)
        Bands from the largest to the smallest wavelength, each of mean 0 and standard deviation 1.
    mean, spread : float64 arrays, shape (levels,)
        What was taken out: band = level · spread + mean.
    """

    level: F64
    mean: F64
    spread: F64


def band_filters(shape: tuple[int, int], levels: int) -> F64:
    r"""Gaussian band-pass weights of the Fourier plane that sum to 1 (Pulkkinen et al. 2019, GMD 12:4185, §3.1).

    Band k is centred at the wavenumber :math:`q^k`, equally spaced in the logarithm between the domain and two cells.

    Returns
    -------
    float64 array, shape (levels, ny, nx // 2 + 1)
        Weights for ``numpy.fft.rfft2``.
    """
    ny, nx = shape
    longest = max(shape)
    wave = np.hypot(np.fft.fftfreq(ny)[:, None], np.fft.rfftfreq(nx)[None, :]) * longest
    log_wave = np.log(np.maximum(wave, 1.0))
    top = np.log(longest / 2.0)
    centre = np.linspace(0.0, top, levels)
    width = 0.5 * top / max(levels - 1, 1)
    weight = np.exp(-0.5 * ((log_wave[None] - centre[:, None, None]) / width) ** 2)
    weight[0][log_wave <= 0.0] = 1.0
    weight[1:, log_wave <= 0.0] = 0.0
    return np.asarray(weight / weight.sum(axis=0))


def decompose(field: F64, filters: F64) -> Cascade:
    """Split a field into normalised bands.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> field = rng.standard_normal((16, 16))
    >>> bool(np.allclose(recompose(decompose(field, band_filters((16, 16), 3))), field))
    True
    """
    shape = (field.shape[0], field.shape[1])
    bands = np.fft.irfft2(np.fft.rfft2(field)[None] * filters, shape, axes=(1, 2))
    mean = bands.mean(axis=(1, 2))
    spread = np.maximum(bands.std(axis=(1, 2)), 1e-9)
    return Cascade(level=(bands - mean[:, None, None]) / spread[:, None, None], mean=mean, spread=spread)


def recompose(cascade: Cascade) -> F64:
    """Sum the bands up again."""
    return np.asarray(np.einsum("kij,k->ij", cascade.level, cascade.spread) + cascade.mean.sum())


def noise_spectrum(field: F64) -> F64:
    """Amplitude of the field's Fourier transform, tapered at the rim: noise shaped by it has the rain's own texture."""
    ny, nx = field.shape
    taper = np.outer(np.hanning(ny + 2)[1:-1], np.hanning(nx + 2)[1:-1])
    return np.asarray(np.abs(np.fft.rfft2((field - field.mean()) * taper)))


def spectral_noise(spectrum: F64, shape: tuple[int, int], rng: np.random.Generator) -> F64:
    """Gaussian noise with a given amplitude spectrum, mean 0 and standard deviation 1."""
    white = np.fft.rfft2(rng.standard_normal(shape))
    noise = np.fft.irfft2(white * spectrum, shape)
    noise -= noise.mean()
    spread = float(noise.std())
    return np.asarray(noise / spread if spread > 1e-12 else noise)
