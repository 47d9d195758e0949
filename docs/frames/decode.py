#!/usr/bin/env python3
"""A decoder of dense frames, written by docs/frames.md alone. It is slow, and there to be read and to prove the text.

    decode.py NODE < messages.hex        messages of one link in hexadecimal, one a line, in the order sent

It prints for each reading its sequence, time (ns), series, kind, value (a float by its bits and a text by its bytes, in hexadecimal), quality and whether it is stamped.
"""
import copy, hashlib, math, struct, sys

M32, M64 = (1 << 32) - 1, (1 << 64) - 1
LIGHT, FULL = 0, 1
FLOAT, INT, BOOL, TEXT = 0, 1, 2, 3
KINPUTS = 24
(REPEAT, MATCH, ZERO, SIGN, EXACT, SERIES, INSTANT, FLAGS, TYPE, HEADER, UNITS, BYTE, MANTISSA) = range(13)
EXPONENT = MANTISSA + 3
KINDS, SETS = EXPONENT + 16, 32
SET_SERIES, SET_TIME, SET_MISS, SET_OTHER = 31, 30, 29, 28
OWN_SETS = 27
LAST, LINE, MEAN, OWN, OTHERS, LEVELS = range(6)


class Bad(Exception):
    pass


def i64(n):
    n &= M64
    return n - (1 << 64) if n >> 63 else n


def f64(b):
    return struct.unpack("<d", struct.pack("<Q", b & M64))[0]


def bits(f):
    return struct.unpack("<Q", struct.pack("<d", f))[0]


# --- probabilities (section "Probabilities") ---------------------------------

def squash_table():
    # The rounding is that of the exact value: none lies within 1e-9 of a half.
    return [int(65536 / (1 + math.exp(-x / 256)) + 0.5) for x in range(-2048, 2048)]


SQUASH = squash_table()
for i in range(4096):
    SQUASH[i] = min(SQUASH[i], 65535)


def squash(x):
    return SQUASH[min(max(x, -2047), 2047) + 2048]


def stretch_table():
    out, x = [], -2047
    for p in range(4096):
        while x < 2047 and squash(x) < (p << 4) + 8:
            x += 1
        out.append(x)
    return out


STRETCH = stretch_table()


def stretch(p):
    return STRETCH[p >> 4]


CONFIDENCE = [0, 96, 140, 168, 186, 199, 208, 215, 221, 226, 230, 234, 238, 242, 246, 250]
RECIPROCAL = [655360 // (10 * n + 16) for n in range(256)]


def taught(slot, bit):
    n, p = slot & 1023, slot >> 10
    target = (1 << 22) - 1 if bit else 0
    p += (target - p) * RECIPROCAL[n] >> 16
    return (p & ((1 << 22) - 1)) << 10 | min(n + 1, 255)


class Arith:
    def __init__(self, b):
        self.b, self.at, self.low, self.high, self.code = b, 0, 0, M32, 0
        for _ in range(4):
            self.code = self.code << 8 | self.next()

    def next(self):
        self.at += 1
        return self.b[self.at - 1] if self.at <= len(self.b) else 0

    def bit(self, p):
        mid = self.low + ((self.high - self.low) * p >> 16)
        if self.code <= mid:
            bit, self.high = 1, mid
        else:
            bit, self.low = 0, mid + 1
        while (self.low ^ self.high) >> 24 == 0:
            self.code = (self.code << 8 | self.next()) & M32
            self.low, self.high = self.low << 8 & M32, (self.high << 8 | 255) & M32
        return bit

    def raw(self, n):
        v = 0
        for _ in range(n):
            v = v << 1 | self.bit(1 << 15)
        return v

    def wide(self):
        n = self.raw(7)
        if n > 64:
            raise Bad("number of %d bits" % n)
        u = 1 << (n - 1) | self.raw(n - 1) if n > 1 else n
        return i64(u >> 1 ^ -(u & 1))


# --- hashes -------------------------------------------------------------------

def contexts(*groups):
    out = []
    for i, parts in enumerate(groups):
        h = (i + 1) * 0x9E3779B1 & M32
        for p in parts:
            h = (h ^ (p & M32)) * 0x85EBCA6B & M32
            h ^= h >> 15
        out.append(h)
    return out


def size(n):
    u = abs(n) & M64
    k = u.bit_length()
    return 2 * k if k < 2 else 2 * k | (u >> (k - 2) & 1)


def signed(n):
    return size(n) | 0x100 if n < 0 else size(n)


def whole(f):
    return round(f) if abs(f) < 1 << 62 else 0


# --- distributions ------------------------------------------------------------

def div(a, b):
    if b != 0:
        return a / b
    return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1, b)


def cdf(x):
    if x > 1e8:
        return 1.0
    if x < -1e8:
        return 0.0
    return 0.5 + 0.5 * (x / math.sqrt(2 + x * x))


def odds(one, zero):
    total = one + zero
    if not total > 1e-14:
        return 0
    return stretch(int(min(max(one / total * 65536, 1), 65535)))


# --- lattices -----------------------------------------------------------------

POW10 = [float(10 ** i) for i in range(23)]


def f32(x):
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return math.copysign(math.inf, x)


def print_single(x):
    a = abs(x)
    if not 1e-4 <= a < 1e5:
        return x
    d = next(d for d in range(4, -5, -1) if a >= float("1e%d" % d))
    k = 5 - d
    for k in range(k, k + 3):
        s = round(x * POW10[k]) / POW10[k]
        if f32(s) == x:
            return s
    return round(x * POW10[k + 1]) / POW10[k + 1]


def print_quotient(m, d, e):
    a, low = abs(m), d * 10 ** 14
    if a == 0 or a >= low:
        return 0.0
    s = max((low.bit_length() - a.bit_length() - 1) * 1233 >> 12, 0)
    while a * 10 ** s < low:
        s += 1
    if e + s > 22:
        return 0.0
    q = float((a * 10 ** s + d // 2) // d) / POW10[e + s]
    return -q if m < 0 else q


class Units:
    def __init__(self):
        self.form = self.e = self.div = self.offset = 0
        self.step = 1

    def scale(self):
        if self.form == 3:
            return float(1 << self.e)
        if self.form == 4:
            return float(self.div) * POW10[self.e]
        return POW10[self.e]

    def lattice_float(self, m):
        m = i64(m)
        if self.form == 0:
            b = m & M64
            return b ^ (M64 >> 1 if b >> 63 else 0)
        if self.form == 1:
            return bits(float(m) / POW10[self.e])
        if self.form == 2:
            return bits(f32(float(m) / POW10[self.e]))
        if self.form == 3:
            return bits(print_single(f32(float(m) / float(1 << self.e))))
        return bits(print_quotient(m, self.div, self.e))

    def float(self, n):
        return self.lattice_float(n * self.step + self.offset)

    def integer(self, b):
        if self.form == 0:
            x, exact = i64(b ^ (M64 >> 1 if b >> 63 else 0)), True
        else:
            y = f64(b) * self.scale()
            if not -(1 << 53) < y < 1 << 53:
                x, exact = 0, False
            else:
                x = round(y)
                exact = self.lattice_float(x) == b
        if self.step == 1 and self.offset == 0:
            return x, exact
        d = i64(x - self.offset)
        n = abs(d) // self.step * (-1 if d < 0 else 1)
        return n, exact and i64(n * self.step + self.offset) == x

    def resolution(self, x):
        if self.form == 0:
            e = 53 - (math.frexp(x)[1] if math.isfinite(x) else 0)
            return (math.ldexp(1, e) if e < 1024 else math.inf) / self.step
        return self.scale() / self.step


# --- least squares ------------------------------------------------------------

class RLS:
    def __init__(self, n, forget):
        self.n, self.forget, self.out = n, forget, 0.0
        self.x, self.w = [0.0] * n, [0.0] * n
        self.restart()

    def restart(self):
        self.p = [[1.0 if i == j else 0.0 for j in range(self.n)] for i in range(self.n)]

    def predict(self):
        s = 0.0
        for w, x in zip(self.w, self.x):
            s += w * x
        self.out = s if abs(s) < 1e15 else 0.0
        return self.out

    def update(self, y):
        n, gain, k = self.n, self.forget, []
        for i in range(n):
            s = 0.0
            for j in range(n):
                s += self.p[i][j] * self.x[j]
            k.append(s)
            gain += self.x[i] * s
        if not 1e-12 < gain < 1e300:
            self.w = [0.0] * n
            self.restart()
            return
        inverse = 1 / gain
        step, back = (y - self.out) * inverse, 1 / self.forget
        for i in range(n):
            self.w[i] += step * k[i]
            f = k[i] * inverse
            for j in range(i, n):
                v = (self.p[i][j] - f * k[j]) * back
                self.p[i][j] = self.p[j][i] = v
            if not 1e-12 < self.p[i][i] < 1e12:
                self.restart()
                return


def unit(f):
    return math.ldexp(1, -math.frexp(f + 0.5)[1])


class Series:
    def __init__(self, modelled):
        self.modelled = modelled
        self.kind, self.flags, self.text = FLOAT, 0, b""
        self.rls = (RLS(4, 0.998), RLS(9, 0.997), RLS(6, 0.999)) if modelled else None
        self.fresh()

    def fresh(self):
        self.n, self.units, self.bits = 0, Units(), 0
        self.last, self.change, self.residual, self.miss = [0] * 4, 0, [0, 0], 0
        self.run, self.again, self.trust = 0, False, [0, 0]
        self.origin = self.mean = self.fast = self.slow = self.delta = self.center = self.unit = 0.0
        self.off = [0.0] * 6

    def restart(self):
        self.fresh()
        for r in self.rls or ():
            r.w = [0.0] * r.n
            r.restart()

    def convert(self, u):
        old = self.units
        self.last = [u.integer(old.float(n))[0] for n in self.last]
        x = f64(self.bits)
        f = div(u.resolution(x), old.resolution(x))
        if not 1e-18 < f < 1e18:
            f = 1.0
        self.units, self.mean = u, float(self.last[0])
        self.origin = self.mean
        self.fast, self.slow, self.delta = self.fast * f, self.slow * f, self.delta * f
        self.off = [o * f for o in self.off]
        self.residual, self.change, self.miss = [0, 0], 0, 0

    def learn(self, n, center, p, again):
        y, distance = float(n), i64(n - center)
        if self.n == 0:
            self.mean = self.origin = y
            self.last = [n] * 4
        else:
            self.change = i64(n - self.last[0])
            d = float(self.change)
            if self.rls:
                scaled = d * unit(self.delta)
                self.rls[0].update(scaled)
                self.rls[1].update(scaled)
                self.rls[2].update((y - self.center) * self.unit)
            for i in range(6):
                self.off[i] += (abs(y - p[i]) - self.off[i]) * 0.06
            self.mean += (y - self.mean) * 0.01
            toward = lambda m, x, rate: m + (x - m) * max(rate, 1 / (self.n + 1))
            self.fast = toward(self.fast, abs(float(distance)), 0.15)
            self.slow = toward(self.slow, abs(float(distance)), 0.015)
            self.delta = toward(self.delta, abs(d), 0.005)
            self.last = [n] + self.last[:3]
        self.residual = [distance, self.residual[0]]
        self.run = 0 if not again else self.run + 1 & M32
        self.again = again
        self.n = min(self.n + 1, 1 << 20)


class Model:
    def __init__(self, effort):
        self.effort = effort
        self.slots = [1 << 31] * 8192
        self.by_kind = [[65536 // 5] * KINPUTS for _ in range(KINDS)]
        self.by_set = [[65536 // 5] * KINPUTS for _ in range(SETS)]
        for kind, n in ((SERIES, 2), (INSTANT, 4), (FLAGS, 3), (TYPE, 3), (EXACT, 2), (HEADER, 2)):
            self.by_kind[kind][n] = 4 * 65536
        self.match = [(0, 0)] * 256
        self.series, self.follow, self.previous = [], [], 0
        self.unit, self.time, self.step, self.before, self.residual = 10 ** 9, 0, 0, 0, 0
        self.announced, self.units_of = Units(), 0
        self.now, self.count, self.repeats = [], 0, 0
        self.guesses, self.told = None, []

    def at(self, i):
        i %= 32
        while i >= len(self.series):
            self.series.append(Series(self.effort == FULL and len(self.series) < 8))
        return self.series[i]

    # --- decisions

    def bit(self, a, hashes, kind, which, node):
        x, asked = [], []
        for h in hashes:
            h = (h ^ node * 0xC2B2AE35 & M32) * 0x27D4EB2F & M32
            h ^= h >> 13
            at = h >> 19
            asked.append(at)
            s = self.slots[at]
            x.append(stretch(s >> 16) * CONFIDENCE[min(s & 1023, 15)] >> 8)
        x.append(256)
        x += self.told
        w1, w2 = self.by_kind[kind], self.by_set[which & 31]
        dot = lambda w: min(max(sum(p * q for p, q in zip(x, w)) >> 16, -2047), 2047)
        s1, s2 = dot(w1), dot(w2)
        bit = a.bit(min(max(squash((s1 + s2) >> 1), 24), 65536 - 24))
        for w, s in ((w1, s1), (w2, s2)):
            err = bit * 65535 - squash(s)
            for i, v in enumerate(x):
                w[i] += (v * err * 10 + (1 << 17)) >> 18
        for at in asked:
            self.slots[at] = taught(self.slots[at], bit)
        return bit

    def flag(self, a, kind, which, *parts):
        h = kind * 0x9E3779B1 & M32
        groups = [(h,)]
        for p in parts:
            h = (h ^ (p & M32)) * 0x85EBCA6B & M32
            h ^= h >> 15
            groups.append((h,))
        return self.bit(a, contexts(*groups), kind, which, 0) == 1

    def noise(self, a, node, which):
        h = (node ^ which * 0x9E3779B1 & M32 ^ 0x5BD1E995) * 0x27D4EB2F & M32
        h ^= h >> 13
        at = h >> 19
        bit = a.bit(min(max(self.slots[at] >> 16, 64), 65536 - 64))
        self.slots[at] = taught(self.slots[at], bit)
        return bit

    def split(self, a1, b1, a0, b0):
        self.told = [odds(cdf((b1 - at) / s) - cdf((a1 - at) / s), cdf((b0 - at) / s) - cdf((a0 - at) / s)) for at, s in self.guesses]

    def number(self, a, hashes, which, space, center):
        try:
            return self.number_of(a, hashes, which, space, center)
        finally:
            self.told = []

    def number_of(self, a, hashes, which, space, center):
        guessed, at, inf = self.guesses is not None, float(center), math.inf
        if guessed:
            self.told = []
            for where, s in self.guesses:
                one = cdf((at + 0.5 - where) / s) - cdf((at - 0.5 - where) / s)
                self.told.append(odds(one, 1 - one))
        if self.bit(a, hashes, ZERO, which, space):
            return center
        if guessed:
            self.split(-inf, at - 0.5, at + 0.5, inf)
        negative = self.bit(a, hashes, SIGN, which, space + 1)

        def between(zero, one, two):
            if negative:
                self.split(at - two + 0.5, at - one + 0.5, at - one + 0.5, at - zero + 0.5)
            else:
                self.split(at + one - 0.5, at + two - 0.5, at + zero - 0.5, at + one - 0.5)

        e = 0
        while e < 63:
            if guessed:
                between(math.ldexp(1, e), math.ldexp(1, e + 1), inf)
            if not self.bit(a, hashes, EXPONENT + min(e, 15), which, space + 2 + 2 * e + negative & M32):
                break
            e += 1
        v, prefix = 1, 1
        for i in range(e - 1, -1, -1):
            depth = e - 1 - i
            if depth < 3:
                if guessed:
                    low, half = math.ldexp(float(v), i + 1), math.ldexp(1, i)
                    between(low, low + half, low + 2 * half)
                b = self.bit(a, hashes, MANTISSA + depth, which, space + 0x1000 + (e << 8) + prefix & M32)
                prefix = prefix << 1 | b
            elif depth > 7 and space == 0x10000:
                b = a.bit(1 << 15)
            else:
                b = self.noise(a, e << 8 | i | space << 16 & M32, which)
            v = v << 1 | b
        return i64(center + (-v if negative else v))

    def plain(self, a, which, space, center):
        return self.number(a, contexts((space,)), which, space << 20 & M32, center)

    # --- parts of a frame

    def header(self, a, k):
        def number(i, known, wide=64):
            if self.flag(a, HEADER, SET_OTHER, i):
                return known
            return self.plain(a, SET_OTHER, 8 + i, 0) + known & (1 << wide) - 1
        for i, (key, wide) in enumerate((("epoch", 64), ("lane", 8), ("ordinal", 32), ("boot", 64), ("clock", 8), ("offset", 64), ("table", 64), ("next", 64), ("count", 32))):
            k[key] = number(i, k[key] & M64, wide)
        if not 0 < k["count"] <= 8192 or k["lane"] > 3:
            raise Bad("%d records in lane %d" % (k["count"], k["lane"]))

    def read_units(self, a):
        if not self.flag(a, UNITS, SET_TIME, 7):
            self.unit = (1, 10 ** 3, 10 ** 6, 10 ** 7, 10 ** 8, 10 ** 9, 10 ** 10, 6 * 10 ** 10)[a.raw(3)]
        while self.flag(a, UNITS, SET_OTHER, 0):
            if not self.flag(a, UNITS, SET_OTHER, 6):
                self.units_of = a.raw(15)
            i, self.units_of = self.units_of, self.units_of + 1
            if i >= 16384:
                raise Bad("units of series %d" % i)
            u, was = Units(), self.announced
            u.form = was.form if self.flag(a, UNITS, SET_OTHER, 1) else a.raw(6)
            u.e = was.e if self.flag(a, UNITS, SET_OTHER, 2) else a.raw(6)
            u.div = was.div if self.flag(a, UNITS, SET_OTHER, 3) else a.raw(6)
            u.step = 1 if self.flag(a, UNITS, SET_OTHER, 4) else a.wide()
            u.offset = 0 if self.flag(a, UNITS, SET_OTHER, 5) else a.wide()
            if u.form > 4 or u.e > (63 if u.form == 3 else 22) or (u.form == 4) != (u.div > 0) or u.step < 1:
                raise Bad("units that there are not")
            self.announced = u
            s = self.at(i)
            if s.n == 0:
                s.units = u
            else:
                s.convert(u)

    def record(self, a):
        while self.previous % 256 >= len(self.follow):
            self.follow.append(len(self.follow) + 1)
        at = self.previous % 256
        if self.flag(a, SERIES, SET_SERIES, self.previous):
            series = self.follow[at]
        else:
            series = self.plain(a, SET_SERIES, 1, 0) & M32
            if series >= 16384:
                raise Bad("series that there is not")
            self.follow[at] = series
        time = self.clock(a, series)
        s = self.at(series)
        if not self.flag(a, FLAGS, SET_OTHER, series, s.flags):
            s.flags = self.plain(a, SET_OTHER, 2, 0) & 7
        if not self.flag(a, TYPE, SET_OTHER, series, s.kind):
            s.kind = self.plain(a, SET_OTHER, 3, 0) & 255
            if s.kind > 3:
                raise Bad("value of a kind that there is not")
            s.restart()
        value = self.read_text(a, s) if s.kind == TEXT else self.value(a, series, s)
        if s.kind == BOOL and value > 1:
            raise Bad("boolean of %d" % value)
        self.previous = series
        return series, time, s.kind, value, s.flags & 3, s.flags >> 2

    def clock(self, a, series):
        if self.flag(a, INSTANT, SET_TIME, series, min(self.count, 15), signed(self.residual)):
            return self.time
        if self.time == 0:
            self.time = i64(a.wide() * self.unit)
        else:
            h = contexts((1,), (2, signed(self.residual)), (3, series), (4, self.step, self.before), (5, self.count))
            step = self.number(a, h, SET_TIME, 0x30000, self.step)
            self.residual, self.before, self.step = i64(step - self.step), self.step, step
            self.time = i64(self.time + step * self.unit)
        self.now, self.count, self.repeats = [], 0, 0
        return self.time

    def read_text(self, a, s):
        if self.flag(a, REPEAT, SET_OTHER):
            return s.text
        n = self.plain(a, SET_OTHER, 4, 8)
        if not 0 <= n <= 1 << 20:
            raise Bad("text of %d bytes" % n)
        out, before = bytearray(), 0
        for _ in range(n):
            node = 1
            for _ in range(8):
                node = node << 1 | self.noise(a, node | before << 8, BYTE)
            before = node & 255
            out.append(before)
        if n <= 256:
            s.text = bytes(out)
        return bytes(out)

    # --- values

    def value(self, a, series, s):
        p = [0.0] * 6
        center = self.predict(s, p)
        seen = self.seen(series, s)
        hashes = self.about(series, s, center, p, [t for _, _, t in seen])
        which = series % OWN_SETS
        again = s.n > 0 and self.bit(a, hashes, REPEAT, which, 0xAAAA) == 1
        found, b = again, s.bits
        for i, (at, _, told) in enumerate(seen):
            if found or told != 2 or i == 1 and seen[0][2] == 2 and self.match[at][1] == self.match[seen[0][0]][1]:
                continue
            if self.flag(a, MATCH, SET_OTHER, s.trust[i], i, series):
                found, b = True, self.match[at][1]
        if found:
            n = i64(b)
            if s.kind == FLOAT:
                n, exact = s.units.integer(b)
                if not exact and n == 0:
                    n = s.last[0]
        else:
            b, n = self.new_value(a, series, s, center, p, hashes, which)
        for i, (at, check, told) in enumerate(seen):
            if at is None:
                continue
            if told != 0:
                s.trust[i] = (s.trust[i] << 1 | (self.match[at][1] == b)) & 7
            self.match[at] = (check, b)
        s.bits = b
        s.learn(n, center, p, again)
        self.repeats = (self.repeats << 1 | again) & M32
        if len(self.now) < 8:
            self.now.append((b, series))
        self.count += 1
        return b

    def new_value(self, a, series, s, center, p, hashes, which):
        miss = 0
        if s.kind == FLOAT and not self.flag(a, EXACT, SET_OTHER, series):
            miss = self.number(a, contexts((series,), (series, s.miss)), SET_MISS, 0x40000, 0)
            s.miss = miss
        if s.n > 1:
            add = lambda at, scale: (at, (scale + 0.05) * 0.7)
            self.guesses = [add(float(center), s.fast), add(float(center), s.slow)]
            if s.rls:
                self.guesses += [add(p[i], s.off[i]) for i in (LAST, OWN, OTHERS, LEVELS)]
        n = a.wide() if s.n == 0 else self.number(a, hashes, which, 0x10000, center)
        self.guesses = None
        return (s.units.float(n) + miss if s.kind == FLOAT else n) & M64, n

    def predict(self, s, p):
        if s.n == 0:
            return 0
        last = float(s.last[0])
        p[LAST], p[LINE], p[MEAN] = last, last + float(i64(s.last[0] - s.last[1])), s.mean
        used = 3
        if s.rls:
            self.regress(s, last, p)
            used = 6
        total = weighed = 0.0
        for i in range(used):
            e = s.off[i] + 0.02
            e = e * e
            w = 1 / (e * e)
            total += w
            weighed += w * p[i]
        return whole(div(weighed, total))

    def regress(self, s, last, p):
        u = unit(s.delta)
        own, others, levels = s.rls
        for i in range(3):
            own.x[i] = float(i64(s.last[i] - s.last[i + 1])) * u
        own.x[3] = (s.mean - last) * u
        others.x = own.x + [0.0] * 5
        levels.x = [(last - s.origin) * u, 1.0] + [0.0] * 4
        s.center, s.unit = s.origin, u
        for i, (_, other) in enumerate(reversed(self.now)):
            q = self.at(other)
            if q.n == 0 or q is s:
                continue
            v = unit(q.delta)
            if 4 + i < 9:
                others.x[4 + i] = float(q.change) * v
            if 2 + i < 6:
                levels.x[2 + i] = (float(q.last[0]) - q.origin) * v
        p[OWN] = last + div(own.predict(), u)
        p[OTHERS] = last + div(others.predict(), u)
        p[LEVELS] = s.origin + div(levels.predict(), u)

    def seen(self, series, s):
        """For each of two views: a place in the match table (None: there is no such view), its check, and 0 nothing, 1 the same as the last, 2 another."""
        out, n = [], len(self.now)
        b = [x for x, _ in self.now]
        views = [] if n == 0 else [(b[0], 0)] if n == 1 else [(b[0], b[1]), (b[n - 1], b[n - 2])]
        for i, (v0, v1) in enumerate(views):
            h = ((series + 1) * 0x9E3779B97F4A7C15 ^ (i + 1) * 0xD6E8FEB86659FD93) & M64
            h = (h ^ v0) * 0xFF51AFD7ED558CCD & M64
            h ^= h >> 32
            h = (h ^ v1) * 0xC4CEB9FE1A85EC53 & M64
            h ^= h >> 29
            h = h * 0x9E3779B97F4A7C15 & M64
            at, check, told = h >> 56, h >> 22 & M32 | 1, 0
            if self.match[at][0] == check:
                told = 1 if self.match[at][1] == s.bits and s.n > 0 else 2
            out.append((at, check, told))
        return out + [(None, 0, 0)] * (2 - len(out))

    def about(self, series, s, center, p, told):
        fast, slow = size(whole(s.fast * 4)), size(whole(s.slow * 4))
        run = s.run if s.run <= 15 else 16 + min(size(s.run), 30)
        groups = [(series, fast), (series, told[0], told[1], s.trust[0], s.trust[1], min(run, 3))]
        if self.effort == LIGHT:
            return contexts(*groups, (fast, slow))
        beside = beside_again = 0
        if self.now:
            q = self.at(self.now[-1][1])
            beside, beside_again = signed(q.residual[0]), int(q.again)
        far = max(slow // 2 - 5, 0)
        coarse, before = s.last[0] >> far, s.last[1] >> far
        return contexts(*groups, (series, signed(i64(center - s.last[0])), fast >> 1), (series, run, beside_again), (series, beside, beside_again),
                        (series, coarse), (series, self.repeats & 255, min(run, 3)), (series, signed(i64(whole(p[OTHERS]) - center)), signed(s.change)),
                        (series, coarse, before, self.repeats & 3))


# --- frames -------------------------------------------------------------------

def crc32c(b):
    crc = M32
    for x in b:
        crc ^= x
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ M32


class State:
    def __init__(self, model, known, anew=False):
        self.model, self.known, self.anew, self.name = model, known, anew, 0


class Link:
    """What the receiver knows of a link."""

    def __init__(self, node):
        self.node, self.chain = node, []
        self.known = dict(epoch=0, lane=1, ordinal=0, boot=0, clock=0, offset=0, table=0, next=1, count=60)

    def frame(self, b):
        effort, base = b[0] >> 5 & 1, None
        if b[0] & 0x10:
            base = next((s for s in self.chain if s.name & 15 == b[0] & 15 and s.model.effort == effort), None)
            if base is None:
                raise Bad("no state of tag %x" % (b[0] & 15))
        check = 2 if base else 3
        state = State(copy.deepcopy(base.model), dict(base.known)) if base else State(Model(effort), dict(self.known), bool(b[0] & 1))
        a, k = Arith(b[1 + check:]), state.known
        state.model.header(a, k)
        state.model.read_units(a)
        records = [state.model.record(a) for _ in range(k["count"])]
        means = struct.pack("<Q", base.name) if base else b""
        means += self.node.encode()
        for v in (k["epoch"], k["lane"], k["ordinal"], k["boot"], k["clock"], k["offset"], k["table"], k["next"], k["count"]):
            means += struct.pack("<Q", v & M64)
        for series, time, kind, value, quality, stamped in records:
            means += struct.pack("<QQ", series | kind << 32 | quality << 40 | stamped << 48, time & M64)
            means += struct.pack("<Q", 0 if kind == TEXT else value)
            if kind == TEXT:
                means += value
        if crc32c(means).to_bytes(4, "little")[:check] != b[1:1 + check]:
            raise Bad("bad checksum")
        state.name = int.from_bytes(hashlib.sha256((struct.pack("<Q", base.name) if base else b"") + b).digest()[:8], "little")
        self.keep(base, state)
        first = k["next"]
        k["next"] = first + k["count"] & M64
        return first, records

    def keep(self, base, state):
        if base is None and state.anew:
            self.chain = [state]
            return
        if base is not None:
            del self.chain[:self.chain.index(base)]
        if len(self.chain) < 4 and all(s.name & 15 != state.name & 15 for s in self.chain):
            self.chain.append(state)

    # --- messages: as much of them as a decoder of frames needs

    def message(self, b):
        kind, b = b[1], b[2:]
        if kind == 1:
            self.hello(b)
        elif kind in (2, 3):
            n, b = uv(b)
            b = b[n:]
            if kind == 2:
                self.known["table"] = max(int.from_bytes(hashlib.sha256(b).digest()[:8], "big"), 1)
            elif b[0] >> 6 == 3:
                return self.frame(b)
        return None

    def hello(self, b):
        """Of a hello with bases: the epoch and the boot that it names last."""
        k = dict(epoch=0, lane=1, ordinal=0, boot=0, clock=0, offset=0, table=0, next=1, count=60)
        b = b[8:]
        for _ in range(2):
            n, b = uv(b)
            b = b[n:]
        b = b[16:]
        _, b = uv(b)
        epochs, b = uv(b)
        for _ in range(epochs):
            k["epoch"], b = int.from_bytes(b[:8], "big"), b[16:]
            lanes, b = uv(b)
            k["next"] = 1
            for _ in range(lanes):
                lane, (first, b) = b[0], uv(b[1:])
                issued, b = uv(b)
                if lane == 1:
                    k["next"] = max(first + issued, 1)
                for _ in range(2):
                    ranges, b = uv(b)
                    for _ in range(2 * ranges):
                        _, b = uv(b)
                losses, b = uv(b)
                for _ in range(losses):
                    b = b[1:]
                    for _ in range(3):
                        _, b = uv(b)
        boots, b = uv(b)
        for _ in range(boots):
            k["ordinal"], b = uv(b)
            k["boot"], k["clock"], b = int.from_bytes(b[:8], "big"), b[8], b[9:]
            k["offset"], b = uv(b)
            k["offset"] = k["offset"] >> 1 ^ -(k["offset"] & 1)
            _, b = uv(b)
        if len(b) >= 2 and b[0] == 1:
            names = [int.from_bytes(b[i:i + 8], "big") for i in range(2, 2 + b[1], 8)]
            self.known, self.chain = k, [s for s in self.chain if s.name in names]


def uv(b):
    v = shift = 0
    for i, x in enumerate(b):
        v |= (x & 127) << shift
        shift += 7
        if x < 128:
            return v, b[i + 1:]
    raise Bad("cut off")


def main():
    link = Link(sys.argv[1])
    for line in sys.stdin:
        got = link.message(bytes.fromhex(line.strip()))
        if got is None:
            continue
        first, records = got
        for i, (series, time, kind, value, quality, stamped) in enumerate(records):
            shown = value.hex() if kind == TEXT else "%016x" % value if kind == FLOAT else str(i64(value))
            print(first + i, time, series, kind, shown, quality, stamped)


if __name__ == "__main__":
    main()
