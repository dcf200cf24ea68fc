/* test_hash.c -- digests against published vectors, randomness against what it must not do. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void sha256_is_that_of_fips_180(void **state)
{
    (void)state;
    char hex[HASH_SHA256_HEX];
    hash_sha256_hex(STR(""), hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hash_sha256_hex((struct str){NULL, 0}, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hash_sha256_hex(STR("abc"), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_sha256_hex(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void xxh3_of_nothing_is_the_published_one(void **state)
{
    (void)state;
    assert_true(hash_xx(STR("")) == UINT64_C(0x2D06800538D394C2));
    assert_true(hash_xx((struct str){NULL, 0}) == hash_xx(STR("")));
    assert_true(hash_xx(STR("a")) != hash_xx(STR("b")));
}

static void secrets_are_equal_when_every_byte_is(void **state)
{
    (void)state;
    char a[33], b[33];
    memset(a, 's', sizeof(a));
    for (size_t i = 0; i < sizeof(b); i++) {
        memcpy(b, a, sizeof(a));
        assert_true(hash_equal_constant_time((struct str){a, sizeof(a)}, (struct str){b, sizeof(b)}));
        b[i] ^= 1;
        assert_false(hash_equal_constant_time((struct str){a, sizeof(a)}, (struct str){b, sizeof(b)}));
        assert_false(hash_equal_constant_time((struct str){a, i}, (struct str){a, sizeof(a)}));
    }
    assert_true(hash_equal_constant_time((struct str){NULL, 0}, STR("")));
}

static void random_numbers_are_in_their_range_and_spread_over_it(void **state)
{
    (void)state;
    int tenths[10] = {0};
    for (int i = 0; i < 2000; i++) {
        double unit = hash_random_unit();
        assert_true(unit >= 0 && unit < 1);
        tenths[(int)(unit * 10)]++;
    }
    for (int i = 0; i < 10; i++)
        assert_true(tenths[i] > 0); /* (9/10)^2000 is 10^-91 */
}

static void random_hex_fills_its_length_and_does_not_repeat(void **state)
{
    (void)state;
    char first[129], second[129];
    for (size_t bytes = 0; bytes <= 64; bytes++) {
        hash_random_hex(bytes, first);
        hash_random_hex(bytes, second);
        assert_int_equal(strlen(first), 2 * bytes);
        assert_int_equal(strspn(first, "0123456789abcdef"), 2 * bytes);
        if (bytes >= 16)
            assert_string_not_equal(first, second);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_is_that_of_fips_180),
        cmocka_unit_test(xxh3_of_nothing_is_the_published_one),
        cmocka_unit_test(secrets_are_equal_when_every_byte_is),
        cmocka_unit_test(random_numbers_are_in_their_range_and_spread_over_it),
        cmocka_unit_test(random_hex_fills_its_length_and_does_not_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
