"""Names of the sandbox city: Chinese place names with their Pinyin, each used once within its kind."""

from __future__ import annotations

import numpy as np

__all__ = ["CITY", "DISTRICTS", "RIVER", "place_names"]

CITY = ("安澜市", "Anlan")
RIVER = ("澜江", "Lan River")
DISTRICTS = (
    ("江北区", "Jiangbei District"),
    ("江南区", "Jiangnan District"),
    ("东湖区", "Donghu District"),
    ("西山区", "Xishan District"),
    ("新城区", "Xincheng District"),
    ("古城区", "Gucheng District"),
    ("临港区", "Lingang District"),
    ("高坪区", "Gaoping District"),
)
_FIRST = (
    "春chun 永yong 安an 兴xing 福fu 康kang 瑞rui 锦jin 云yun 清qing 华hua 文wen 德de 仁ren 景jing 平ping 泰tai 明ming "
    "长chang 金jin 玉yu 东dong 南nan 西xi 北bei 新xin 乐le 丰feng 广guang 思si 望wang 迎ying 朝chao 宝bao 柳liu"
)
_SECOND = (
    "和he 宁ning 泉quan 桥qiao 井jing 湾wan 坊fang 岭ling 溪xi 塘tang 亭ting 台tai 塔ta 门men 渡du 园yuan 山shan "
    "阳yang 江jiang 河he 林lin 田tian 苑yuan 庄zhuang 洲zhou 港gang 堤di 源yuan"
)


def place_names(rng: np.random.Generator, count: int) -> list[tuple[str, str]]:
    """So many different two-character names with Pinyin, e.g. ``("春和", "Chunhe")``.

    Beyond the 980 pairs the names go on with 二, 三 … .
    """
    first = [(word[0], word[1:]) for word in _FIRST.split()]
    second = [(word[0], word[1:]) for word in _SECOND.split()]
    pairs = [(a + b, (p + q).capitalize()) for a, p in first for b, q in second]
    order = rng.permutation(len(pairs))
    numerals = (("", ""), ("二", " Second"), ("三", " Third"), ("四", " Fourth"), ("五", " Fifth"), ("六", " Sixth"))
    out = []
    for i in range(count):
        zh, en = pairs[order[i % len(pairs)]]
        more_zh, more_en = numerals[i // len(pairs)]
        out.append((zh + more_zh, en + more_en))
    return out
