"""The vocabulary: every word that the sketch engine knows, as data.

Each table maps the English name that the engine uses to the words that mean it, English first, then Japanese. English
is matched by whole words (plural or not), Japanese by the longest run of characters. To teach the engine a synonym, add
it here; nothing else.
"""

from __future__ import annotations

#: Most things of a kind that a scene may ask for by number.
MOST = 60

#: Weathers that hide sun, moon and stars.
COVERED = ("overcast", "storm", "rain", "snow", "fog")
CLOUDLESS = ("cloudless", "快晴")
#: How many of a thing there are when no number was said.
USUAL_NUMBER = {"palms": 6, "sailboat": 1, "lighthouse": 1, "house": 1, "balloon": 1, "birds": 9}

PLACES = {
    "beach": (
        "beach, seaside, seashore, seacoast, shore, coast, coastline, sandy shore, bay, cove, "
        "island, desert island, tropical island, lagoon, ビーチ, "
        "砂浜, 海岸, 海辺, 島, 浜辺, 浜"
    ),
    "lake": "lake, lakeside, mountain lake, pond, tarn, fjord, 湖, 湖畔, 池",
    "river": "river, riverside, stream, creek, brook, 川, 河, 小川",
    "sea": "sea, ocean, open sea, seascape, 海, 大海, 大海原, 海原",
    "desert": "desert, dune, sand dune, sahara, 砂漠, 砂丘",
    "snow": (
        "snowfield, snowy field, snow field, snowy landscape, winter landscape, tundra, arctic, snowy plain, "
        "雪原, 雪景色, 銀世界"
    ),
    "meadow": (
        "meadow, field, grassland, pasture, prairie, plain, countryside, lawn, garden, park, landscape, "
        "valley, 草原, 野原, 牧場, 田園, 野, 花畑, 草地, 風景"
    ),
    "hills": "hill, rolling hill, hillside, 丘, 丘陵",
    "forest": "forest, wood, woodland, jungle, pine forest, 森, 森林, 林, ジャングル",
    "city": (
        "city, town, street, village, downtown, skyline, city skyline, cityscape, metropolis, urban, harbour, "
        "harbor, port, waterfront, skyscraper, 街, 都市, 都会, 町, 夜景, 港, 摩天楼, スカイライン"
    ),
    "mountains": (
        "mountain, mountain range, mountain landscape, snowy mountain, snow-capped mountain, "
        "snowcapped mountain, snowy peak, alps, alpine, peak, summit, volcano, cliff, 山, 山々, 山脈, 山並み, "
        "アルプス, 富士山"
    ),
}
TIMES = {
    "day": "day, daytime, daylight, noon, midday, afternoon, morning, 昼, 昼間, 日中, 正午, 午後, 朝",
    "dawn": "dawn, sunrise, daybreak, early morning, first light, 夜明け, 日の出, 朝焼け, 明け方, 早朝",
    "sunset": "sunset, golden hour, evening, sundown, 夕日, 夕焼け, 夕方, 夕暮れ, 日没, 夕陽",
    "dusk": "dusk, twilight, blue hour, nightfall, 黄昏, たそがれ, 薄暮, 宵",
    "night": ("night, nighttime, midnight, night time, nocturnal, moonlit, starry, 夜, 夜中, 真夜中, 星空, 夜空, 月夜"),
}
WEATHERS = {
    "clear": "clear, sunny, cloudless, fair, bright day, fine weather, 晴れ, 晴れた, 晴天, 快晴, 晴れの",
    "cloudy": "cloudy, partly cloudy, 曇り, くもり, 曇った",
    "overcast": "overcast, grey day, gray day, dull, gloomy, どんより, 曇天",
    "storm": "storm, stormy, thunderstorm, thunder, tempest, 嵐, 雷雨, 暴風雨, 荒れた",
    "rain": "rain, rainy, raining, drizzle, downpour, 雨, 雨の日, 小雨, 大雨",
    "snow": "snow, snowy, snowing, snowfall, wintry, winter, blizzard, 雪, 吹雪, 雪の, 冬",
    "fog": "fog, foggy, mist, misty, haze, hazy, 霧, 靄, もや, 霞",
}
THINGS = {
    "sun": "sun, 太陽, お日様",
    "moon": "moon, full moon, 月, 満月, お月様",
    "stars": "star, milky way, 星, 天の川, 星々",
    "clouds": "cloud, 雲",
    "rainbow": "rainbow, 虹",
    "mountains": "mountain backdrop",
    "city": "building, tower, 建物, ビル, 高層ビル",
    "palms": "palm, palm tree, coconut palm, coconut tree, coconut, ヤシ, ヤシの木, 椰子, 椰子の木, やしの木, やし",
    "pines": (
        "pine, pine tree, fir, fir tree, spruce, conifer, evergreen, christmas tree, 松, 松の木, 杉, 針葉樹, もみの木"
    ),
    "trees": "tree, oak, oak tree, maple, birch, broad-leaved tree, leafy tree, 木, 木々, 樹木, 樹",
    "sailboat": (
        "sailboat, sailing boat, boat, ship, yacht, sailing ship, vessel, sail, ヨット, 船, 帆船, ボート, 小舟"
    ),
    "lighthouse": "lighthouse, light house, 灯台",
    "house": "house, cottage, cabin, hut, farmhouse, barn, home, 家, 小屋, 民家, 家屋",
    "birds": "bird, seagull, gull, flock, 鳥, カモメ, かもめ, 小鳥",
    "balloon": "balloon, hot-air balloon, hot air balloon, 気球, 熱気球, バルーン",
    "flowers": "flower, wildflower, poppy, daisy, tulip, bloom, blossom, 花, 花々, 草花",
}
COLOURS = {
    "blue": ((0.13, 0.40, 0.86), "blue, azure, cobalt, ブルー, 青, 青い, 青く, 青色"),
    "red": ((0.80, 0.15, 0.14), "red, crimson, scarlet, レッド, 赤, 赤い, 赤く, 赤色, 真っ赤"),
    "orange": ((0.95, 0.52, 0.16), "orange, amber, オレンジ, オレンジ色, 橙, 橙色"),
    "yellow": ((0.96, 0.80, 0.24), "yellow, イエロー, 黄色, 黄, 黄色い, 黄色く"),
    "gold": ((0.92, 0.70, 0.28), "gold, golden, 金色, 金, 黄金"),
    "green": ((0.25, 0.60, 0.26), "green, emerald, グリーン, 緑, 緑色, 緑の"),
    "turquoise": ((0.12, 0.68, 0.70), "turquoise, teal, cyan, aqua, ターコイズ, 水色, 空色"),
    "purple": ((0.46, 0.25, 0.68), "purple, violet, lilac, lavender, indigo, magenta, パープル, 紫, 紫色"),
    "pink": ((0.95, 0.54, 0.68), "pink, rose, rosy, peach, ピンク, ピンク色, 桃色"),
    "white": ((0.95, 0.95, 0.95), "white, ホワイト, 白, 白い, 白く, 真っ白"),
    "black": ((0.10, 0.10, 0.12), "black, ブラック, 黒, 黒い, 黒く, 真っ黒"),
    "grey": ((0.55, 0.57, 0.60), "grey, gray, silver, グレー, 灰色, 銀色"),
    "brown": ((0.46, 0.31, 0.19), "brown, 茶色, 茶, ブラウン"),
}
#: Comparatives that mean more of a colour.
MORE_OF = {
    "bluer": "blue",
    "redder": "red",
    "greener": "green",
    "pinker": "pink",
    "yellower": "yellow",
    "whiter": "white",
    "greyer": "grey",
    "grayer": "grey",
}
REGIONS = {
    "sky": "sky, heaven, 空, 青空, お空",
    "water": "water, wave, 水, 水面, 波",
    "ground": "ground, sand, grass, soil, earth, 砂, 地面, 芝生, 草, 大地",
}
#: Adjectives of tone: factor of saturation, factor of value.
ADJUSTMENTS = {
    "deeper": ((1.5, 0.86), "deep, deeper, richer, rich, intense, more intense, 深い, 深く, 濃い, 濃く"),
    "vivid": (
        (1.55, 1.0),
        "vivid, vibrant, saturated, colourful, colorful, vibrantly, 鮮やか, 鮮やかな, 鮮やかに, 鮮明",
    ),
    "muted": ((0.6, 1.0), "muted, pale, paler, pastel, softer, faded, desaturated, 淡い, 淡く, 薄い, 薄く, くすんだ"),
    "brighter": ((1.0, 1.16), "bright, brighter, lighter, light, lit, 明るい, 明るく"),
    "darker": ((1.05, 0.72), "dark, darker, dim, dimmer, moody, 暗い, 暗く"),
    "warmer": ((1.0, 1.0), "warm, warmer, 暖かい, 暖かく, 温かい, 温かく, 暖色"),
    "cooler": ((1.0, 1.0), "cool, cooler, cold, colder, 冷たい, 冷たく, 寒色, 涼しく"),
    "contrast": ((1.0, 1.0), "contrast, contrasty, dramatic, コントラスト, ドラマチック, 劇的"),
}
#: Whole-picture edits; those named as adjustments apply when no region is meant.
FILTERS = {
    "black and white": (
        "black and white, black-and-white, monochrome, greyscale, grayscale, b&w, 白黒, モノクロ, 単色"
    ),
    "vintage": "vintage, sepia, retro, old photo, ヴィンテージ, ビンテージ, セピア, レトロ",
    "watercolour": "watercolour, watercolor, aquarelle, 水彩, 水彩画",
    "oil": "oil painting, oil paint, oil, painted, painterly, 油絵, 油彩",
    "pixel art": "pixel art, pixelated, pixelart, 8-bit, ドット絵, ピクセルアート",
    "blurred": "blurred, blurry, blur, soft focus, ぼかし, ぼかして",
    "deeper": "",
    "vivid": "",
    "muted": "",
    "brighter": "",
    "darker": "",
    "warmer": "",
    "cooler": "",
    "contrast": "",
}
SIDES = {
    "left": "left, on the left, to the left, left side, 左, 左側, 左に",
    "right": "right, on the right, to the right, right side, 右, 右側, 右に",
    "centre": "centre, center, middle, in the middle, 中央, 真ん中",
}
SIZES = {
    "small": "small, little, tiny, smaller, tinier, distant, 小さい, 小さな, 小さく",
    "large": "large, big, huge, giant, tall, larger, bigger, taller, enormous, 大きい, 大きな, 大きく, 巨大",
}
NUMBERS = {
    "1": "one, single, 一つ, 一本, 一艘, ひとつ",
    "2": "two, couple, pair, 二つ, 二本, 二艘, ふたつ, 2つ, 2本",
    "3": "three, 三つ, 三本, みっつ, 3つ, 3本",
    "4": "four, 四つ, 四本, 4本",
    "5": "five, 五つ, 五本, 5本",
    "6": "six, 六つ, 六本",
    "7": "seven, 七つ",
    "8": "eight, 八つ",
    "9": "nine",
    "10": "ten, 十本",
    "12": "dozen",
}
VERBS = {
    "add": (
        "add, insert, include, put, place, draw, give, with, bring, show, plant, want, need, paint, introduce, "
        "追加, 加え, 足し, 入れ, 描い, 描か, 描く, 足さ, 置い, 置か, 付け, 増設"
    ),
    "remove": (
        "remove, delete, erase, without, no, hide, drop, take away, take out, get rid of, clear away, lose, "
        "minus, eliminate, 消し, 削除, 取り除, なくし, 無くし, 除去, 消去, なし, 無し, のない, がない"
    ),
    "more": (
        "more, many, lots, lots of, additional, extra, another, increase, much, even more, 増や, もっと, より, "
        "たくさん, 多く"
    ),
    "less": "less, fewer, reduce, decrease, a bit less, 減ら, 少なく, 減少",
    "make": (
        "make, turn, change, set, let, transform, convert, render, switch, become, shift, move, recolour, "
        "recolor, repaint, tint, colour, color, 変え, 変更, 動か, 移動, 移し, 降らせ, 降らし, 降る, 降っ, 降り"
    ),
    # Refused in an instruction; what follows in a prompt (or stands before, in Japanese) is not wanted. Every other
    # word in "n't", and "without" before an "-ing" that is no noun, are added by `lexicon`.
    "not": (
        "not, never, cannot, dont, doesnt, didnt, wont, cant, isnt, arent, shouldnt, neither, nor, nothing, none, "
        "avoid, except, except for, excluding, other than, apart from, aside from, anything but, everything but, "
        "all but, instead of, rather than, no longer, without change, without any change, without a change, "
        "unchanged, untouched, ないで, せずに, ずに, せず, ないように, なくていい, なくてもいい, くない, "
        "しない, ではなく, じゃなく, でなく, 以外, 除いて, 要らない, いらない, いりません, "
        "不要, やめて, 止めて, するな, 禁止, だめ, ダメ"
    ),
}
#: What separates one instruction from the next.
BREAKS = (
    "and",
    "then",
    "also",
    "plus",
    "but",
    "while",
    "as well as",
    "&",
    ",",
    ";",
    ".",
    "!",
    "?",
    "、",
    "。",
    "そして",
    "それから",
    "と",
)
#: Words that ask for nothing that could be drawn.
FILLER = """
a, an, the, of, in, on, at, to, into, from, by, for, as, is, are, was, were, be, been, being, am, it, its, it's,
this, that, these, those, there, here, their, his, her, my, our, your, you, i, we, he, she, they, them, him, me,
us, or, if, so, such, very, really, quite, rather, too, just, only, some, any, all, every, each, few, several,
other, over, under, above, below, behind, beside, near, next, around, along, across, through, between, among,
against, up, down, out, off, onto, toward, towards, where, which, who, what, when, how, please, can, could, should,
would, will, must, may, might, do, does, did, have, has, had, than, like, style, bit, slightly, somewhat, way, lot,
kind, type, sort, new, same, still, again, now, back, instead, whole, entire, everything, scene, image, picture,
photo, photograph, photography, photorealistic, realistic, photo-realistic, hyperrealistic, ultra, hd, 4k, 8k, uhd,
high, low, resolution, quality, detailed, detail, render, rendering, shot, view, vista, panorama, panoramic, wide,
angle, wide-angle, lens, cinematic, illustration, drawing, painting, artwork, art, concept, wallpaper, background,
foreground, backdrop, beautiful, pretty, lovely, nice, gorgeous, stunning, amazing, breathtaking, picturesque,
scenic, serene, peaceful, calm, tranquil, quiet, idyllic, majestic, epic, magical, wonderful, perfect, fluffy,
puffy, tropical, natural, nature, wild, weather, sunny side, time, hour, colour tone, colours, colors, colour,
color, tone, tones, shade, hue, light, lighting, shadow, sunlight, moonlight, reflection, reflections, reflecting,
horizon, distance, far, side, fine, great, good, fresh, old, soft, gentle, clean, crisp, sharp, focus, created,
made, generate, generated, create, draw, imagine, depicting, showing, featuring, look, looks, looking, appear,
appears, feel, feeling, mood, atmosphere, summer, vacation, holiday, exotic, remote, lonely, lone, calmer, sandy,
full, top, bottom, edge, set, one's, no one, empty, deserted, green field, rolling, swaying, shining, rising,
setting, turned, turning, s, t, re, ll, d, m, let's, nothing but, ないでしょうか,
ないですか, 写真, 画像, 写実的, 写実的な, 美しい, 綺麗,
きれい, 素敵, 絵, イラスト, 日, 天気, 風, 様子, 光景, 景色, 雰囲気, 少し, 全体, 背景, 前景, 色, 感じ, 中, 上, 下,
的, 静か, 静かな, 穏やか, 本, 個, 艘, 枚, 画, 昔, 今, 水平線, 地平線
"""
#: Where a thing is at home, when the prompt names no place.
HOMES = {
    "palms": "beach",
    "sailboat": "sea",
    "lighthouse": "sea",
    "birds": "sea",
    "pines": "forest",
    "sun": "sea",
    "moon": "lake",
    "stars": "mountains",
    "city": "city",
}
#: What a place has without being asked for.
USUAL = {
    "beach": ("palms",),
    "lake": ("mountains", "pines"),
    "river": ("mountains", "trees"),
    "sea": (),
    "desert": (),
    "snow": ("mountains", "pines"),
    "meadow": ("trees", "flowers"),
    "hills": ("trees",),
    "forest": ("pines",),
    "city": ("city",),
    "mountains": ("mountains", "pines"),
}
#: A place that is only the backdrop of another is one of its things.
BACKDROPS = {"mountains": "mountains", "city": "city", "forest": "pines"}
#: What of a thing its drawing heeds, besides its colour; anything else said of it would change nothing.
HEEDED = {
    "sun": ("side", "size"),
    "moon": ("side", "size"),
    "stars": ("amount",),
    "clouds": ("amount",),
    "rainbow": (),
    "mountains": ("size",),
    "city": (),
    "flowers": ("amount",),
    **dict.fromkeys(
        ("palms", "pines", "trees", "sailboat", "lighthouse", "house", "birds", "balloon"),
        ("count", "amount", "side", "size"),
    ),
}
#: Things with a colour of their own.
COLOURABLE = ("sailboat", "lighthouse", "house", "balloon", "flowers")
#: Shown when nothing was understood.
EXAMPLES = ("a beach on a sunny day", "a mountain lake at sunset", "a city skyline at night")

#: The region that a place stands for where it is given a colour: "make the beach red" means its sand.
REGION_OF = {
    "sea": "water",
    "lake": "water",
    "river": "water",
    "beach": "ground",
    "desert": "ground",
    "meadow": "ground",
    "hills": "ground",
    "snow": "ground",
}
