"""Why a row is kept aside, for people: what the reason means and what mends it, in Chinese and English."""

from __future__ import annotations

from dataclasses import dataclass

from rencheng.kernel import Bilingual
from rencheng.sense.batch import RefusalReason
from rencheng.sense.refused import BEYOND_MENDING

__all__ = ["REFUSALS", "RefusalWords", "refusal_words"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalWords:
    """A reason in words.

    Parameters
    ----------
    reason : str
        One of :class:`RefusalReason`.
    name : Bilingual
        In two or three words.
    why : Bilingual
        What was found.
    mend : Bilingual
        What a person can do.
    is_mendable : bool
        Whether offering the row again after a change can help.
    """

    reason: str
    name: Bilingual
    why: Bilingual
    mend: Bilingual
    is_mendable: bool = True


def _words(reason: str, name: tuple[str, str], why: tuple[str, str], mend: tuple[str, str]) -> RefusalWords:
    return RefusalWords(
        reason=reason,
        name=Bilingual(zh=name[0], en=name[1]),
        why=Bilingual(zh=why[0], en=why[1]),
        mend=Bilingual(zh=mend[0], en=mend[1]),
        is_mendable=reason not in BEYOND_MENDING,
    )


_R = RefusalReason
REFUSALS = {
    words.reason: words
    for words in (
        _words(
            _R.UNKNOWN_SENSOR,
            ("未知传感器", "unknown sensor"),
            ("城市的传感器表里没有这个编号。", "The city's table of sensors does not have this id."),
            (
                "核对 sensor_column 或 sensor 模板;若确是新装的传感器,先登记到城市数据包,重启后再提交。",
                "Check sensor_column or the sensor template; a new sensor must be in the city package first.",
            ),
        ),
        _words(
            _R.UNKNOWN_QUANTITY,
            ("未知物理量", "unknown quantity"),
            ("它说的物理量不在物理量表里。", "What it says it measured is not in the table of quantities."),
            (
                "在 [feed.long] quantities 或 [[feed.columns]] 里写明对应的物理量。",
                "Map the feed's word to a quantity in [feed.long] quantities or [[feed.columns]].",
            ),
        ),
        _words(
            _R.UNKNOWN_UNIT,
            ("未知单位", "unknown unit"),
            ("这个单位对该物理量不成立。", "The unit is not legal for the quantity."),
            ("在配置里写明正确的 unit。", "Write the right unit in the configuration."),
        ),
        _words(
            _R.BAD_TIME,
            ("时间错误", "bad time"),
            ("按所配格式读不出时刻。", "No instant can be read in the configured format."),
            (
                "核对 [feed.time] 的 column 与 format(iso8601、epoch_s、epoch_ms 或 strptime 格式)。",
                "Check column and format of [feed.time]: iso8601, epoch_s, epoch_ms or a strptime pattern.",
            ),
        ),
        _words(
            _R.NAIVE_TIME,
            ("缺少时区", "no time zone"),
            ("时间没有时区,配置里也没有。", "The time has no offset and the configuration names no zone."),
            (
                '在 [feed.time] 写 timezone,例如 "Asia/Shanghai"。',
                'Write timezone in [feed.time], such as "Asia/Shanghai".',
            ),
        ),
        _words(
            _R.FUTURE_TIME,
            ("时间超前", "ahead of its time"),
            ("时间比到达时刻超前得太多。", "It is stamped too far ahead of its arrival."),
            (
                "多为时区或单位(秒/毫秒)写错;若是设备时钟快,请校时。",
                "Mostly a wrong zone or unit (seconds, milliseconds); a clock that is fast must be set.",
            ),
        ),
        _words(
            _R.BAD_NUMBER,
            ("不是数值", "no number"),
            (
                "该字段不是数值,或仪器标明此值不可用。",
                "The field is no number, or the instrument itself marks it as unusable.",
            ),
            (
                "若这是“未测”的写法,把它加进 missing;若列选错了,改 column。",
                'If it means "not measured", add it to missing; if it is the wrong column, change column.',
            ),
        ),
        _words(
            _R.NOT_FINITE,
            ("数值无穷", "not finite"),
            ("数值是 NaN、无穷大或换算后溢出。", "The value is NaN, infinite, or overflows in SI units."),
            (
                "若表示“未测”,把它加进 missing;否则请设备方更正。",
                "Add it to missing if it means nothing was measured; else the device must be mended.",
            ),
        ),
        _words(
            _R.NO_SENSOR,
            ("缺少传感器", "no sensor"),
            ("看不出是哪个传感器测的。", "It does not say which sensor measured."),
            ("核对 sensor_column 或 sensor 模板。", "Check sensor_column or the sensor template."),
        ),
        _words(
            _R.BAD_ROW,
            ("行不可读", "unreadable row"),
            (
                "列数不对,或不是所配格式的内容。",
                "It has the wrong number of columns, or is not of the configured format.",
            ),
            ("核对 format、delimiter 与 [feed.json] records。", "Check format, delimiter and [feed.json] records."),
        ),
        _words(
            _R.BAD_ENCODING,
            ("编码错误", "bad encoding"),
            ("有字节不属于所配的字符编码。", "It has bytes that are not in the configured encoding."),
            ('核对 encoding,国内旧系统多为 "gb18030"。', 'Check encoding; older Chinese systems write "gb18030".'),
        ),
        _words(
            _R.BAD_SIGNATURE,
            ("签名不符", "bad signature"),
            (
                "签名与内容不符、设备没有公钥,或站点密码不对。",
                "The signature does not fit, the device has no key, or a station's password is another.",
            ),
            (
                "核对密钥文件或 [feed.station] password;内容若被改动,不应接收。",
                "Check the file of keys, or [feed.station] password; what was altered must not be taken.",
            ),
        ),
        _words(
            _R.UNSIGNED,
            ("未签名", "unsigned"),
            ("该数据源只接收有签名的读数。", "The feed takes signed readings only."),
            (
                "让设备签名;确需放行则设 required = false。",
                "Let the device sign; required = false lets unsigned ones in.",
            ),
        ),
        _words(
            _R.REPLAYED,
            ("重放", "replayed"),
            ("计数器已经用过:是重复发送的旧报文。", "Its counter was used before: an old message sent again."),
            ("无需处理;再次提交也不会接收。", "Nothing is to be done; it is never taken."),
        ),
        _words(
            _R.BAD_CHECKSUM,
            ("校验错误", "bad checksum"),
            ("报文的 CRC 不对,传输中有位出错。", "The CRC of the frame is wrong: bits changed on the way."),
            (
                "没有应答,站点会重发;频繁出现请检查线路。",
                "It was not answered, so the station sends it again; if it is frequent, check the line.",
            ),
        ),
        _words(
            _R.UNKNOWN_ALIAS,
            ("未知别名", "unknown alias"),
            (
                "没有上线报文说明这个别名,或其间丢了报文。",
                "No birth names this alias, or a message is missing before it.",
            ),
            (
                "已请求节点重新上线;别名当时指什么已无从得知。",
                "A rebirth was asked for; what the alias meant then cannot be known any more.",
            ),
        ),
        _words(
            _R.NO_BIRTH,
            ("未见上线报文", "no birth seen"),
            ("该指标的名称在没收到的上线报文里。", "The metric's name is in a birth that was not seen."),
            (
                "已请求节点重新上线;若节点有历史缓存会补发。",
                "A rebirth was asked for; a node with a history sends it again.",
            ),
        ),
        _words(
            _R.TOO_DEEP,
            ("嵌套过深", "too deep"),
            ("JSON 或 CBOR 嵌套超过 max_depth。", "JSON or CBOR is nested deeper than max_depth."),
            ("确属正常报文时调大 max_depth。", "Raise max_depth if such messages are right."),
        ),
        _words(
            _R.TOO_LARGE,
            ("过大", "too large"),
            (
                "超过 max_body_bytes 或 max_decoded_bytes,只留了开头。",
                "Larger than allowed; only its beginning was kept.",
            ),
            ("调大上限或分小批发送,并让对方重发。", "Raise the limit or send smaller parts, and let it be sent again."),
        ),
    )
}
"""Reason → words, for every reason that there is."""


def refusal_words(reason: str) -> RefusalWords:
    """Words of a reason; one of another version of the program is told as it is."""
    found = REFUSALS.get(reason)
    return found or _words(reason, (reason, reason), ("", ""), ("", ""))
