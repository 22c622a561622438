"""Many storms over one small raster at once: the local inertial approximation, vectorised over storms."""

from rencheng.science.storm_batch.mesh import BatchMesh, batch_mesh
from rencheng.science.storm_batch.run import LANES, BatchGround, BatchPeaks, BatchRain, BatchTanks, run_storms

__all__ = ["LANES", "BatchGround", "BatchMesh", "BatchPeaks", "BatchRain", "BatchTanks", "batch_mesh", "run_storms"]
