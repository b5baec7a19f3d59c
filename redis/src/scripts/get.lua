-- KEYS: a small record. Returns its value and the milliseconds that it has left.
return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}
