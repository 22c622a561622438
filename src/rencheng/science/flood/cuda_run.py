"""Which stepper runs on the GPU."""

from __future__ import annotations

from numpy.typing import DTypeLike

from rencheng.kernel.errors import InvalidInput
from rencheng.science.flood.cuda_local_inertial import CudaLocalInertial
from rencheng.science.flood.cuda_shallow_water import CudaShallowWater
from rencheng.science.flood.domain import Domain
from rencheng.science.flood.ports import Stepper

__all__ = ["cuda_stepper"]


def cuda_stepper(
    domain: Domain, *, scheme: str, order: int, dtype: DTypeLike, cfl: float | None, arrival_depth_m: float
) -> Stepper:
    """The stepper of a scheme on the GPU; see :func:`rencheng.science.flood.simulate` for what the arguments mean.

    Raises
    ------
    InvalidInput
        For a scheme or order that does not run on a GPU, or where there is no GPU.
    """
    if scheme == "local_inertial":
        return CudaLocalInertial(domain, dtype=dtype, cfl=0.7 if cfl is None else cfl, arrival_depth_m=arrival_depth_m)
    if scheme == "shallow_water" and order == 1:
        return CudaShallowWater(domain, dtype=dtype, cfl=0.9 if cfl is None else cfl, arrival_depth_m=arrival_depth_m)
    raise InvalidInput(
        f"the scheme '{scheme}' of order {order} does not run on 'cuda'",
        where="scheme, order, device",
        mend="Choose local_inertial, or shallow_water of order 1; or device='cpu'",
    )
