from __future__ import annotations

from pathlib import Path

import pytest
from tests.contracts.channel_contract import ChannelContract
from tests.warn.warn_world import World, stage

from rencheng.adapters.cap import read_cap
from rencheng.adapters.channels import FileChannel, RecordingChannel
from rencheng.kernel import StorageFailed


class TestFileChannel(ChannelContract):
    @pytest.fixture(autouse=True)
    def _set_up(self, tmp_path: Path, world: World) -> None:
        self.folder = tmp_path / "out"
        self.channel = FileChannel(self.folder)
        self.notice = world.hear(stage("yellow"))[0].body.notice

    def taken(self) -> int:
        return len(list(self.folder.iterdir()))

    def test_the_file_is_the_cap_message(self) -> None:
        self.channel.send("message-1", self.notice)
        alert = read_cap((self.folder / "message-1.xml").read_bytes())
        assert alert.identifier == self.notice.notice_id

    def test_a_folder_that_cannot_be_written_is_a_failure_the_outbox_understands(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(StorageFailed, match="cannot write the message"):
            FileChannel(tmp_path / "file").send("message-1", self.notice)


class TestRecordingChannel(ChannelContract):
    @pytest.fixture(autouse=True)
    def _set_up(self, world: World) -> None:
        self.recording = RecordingChannel()
        self.channel = self.recording
        self.notice = world.hear(stage("yellow"))[0].body.notice

    def taken(self) -> int:
        return len(self.recording.sent)
