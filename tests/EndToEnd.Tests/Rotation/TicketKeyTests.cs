using System.Security.Cryptography;
using AwesomeAssertions;
using KubeProxyNet.Testing.Tls;

namespace KubeProxyNet.EndToEnd.Tests.Rotation;

/// <summary>The keys of session tickets as a control plane delivers them to two replicas: who has a ticket of one is known to the other, also while keys change.</summary>
public sealed class TicketKeyTests
{
    private static readonly Identity Identity = new("Tickets");

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public async Task A_session_is_continued_at_the_other_replica_and_after_keys_changed(string version)
    {
        byte[] first = NewKey(), second = NewKey(), third = NewKey();
        await using var one = await TicketReplica.StartAsync(Identity, first);
        await using var two = await TicketReplica.StartAsync(Identity, first);
        var session = await one.BeginAsync(version);
        (await two.ContinueAsync(version, session)).Should().Contain("Reused, ");

        // One replica hears of the new key before the other: whoever comes with a ticket that it does not know is served all the same.
        (await two.PushAsync(second, first)).Should().BeEmpty();
        await two.WaitForKeyAsync(version, second);
        var early = await two.BeginAsync(version);
        (await one.ContinueAsync(version, early)).Should().Contain("New, ").And.Contain("200 OK");
        (await two.ContinueAsync(version, session)).Should().Contain("Reused, ");

        (await one.PushAsync(second, first)).Should().BeEmpty();
        await one.WaitForKeyAsync(version, second);
        (await one.ContinueAsync(version, early)).Should().Contain("Reused, ");
        var renewed = await one.ContinueAsync(version, session);
        renewed.Should().Contain("Reused, ");
        OpenSslClient.TicketKeyOf(renewed).Should().Be(OpenSslClient.NameOfKey(second), "the ticket is renewed with the key in use");

        foreach (var replica in new[] { one, two })
        {
            (await replica.PushAsync(third, second)).Should().BeEmpty();
            await replica.WaitForKeyAsync(version, third);
            (await replica.ContinueAsync(version, early)).Should().Contain("Reused, ");
            (await replica.ContinueAsync(version, session)).Should().Contain("New, ", "its key is gone").And.Contain("200 OK");
        }
    }

    [Fact]
    public async Task Bad_keys_are_refused_by_name_and_the_last_good_ones_stay()
    {
        var key = NewKey();
        await using var replica = await TicketReplica.StartAsync(Identity, key);
        var session = await replica.BeginAsync("-tls1_3");

        (await replica.PushAsync(key[1..])).Should().Contain("tickets").And.Contain("80 bytes").And.Contain("openssl rand 80");

        (await replica.ContinueAsync("-tls1_3", session)).Should().Contain("Reused, ");
        (await replica.PushAsync(NewKey(), key)).Should().BeEmpty();
        (await replica.ContinueAsync("-tls1_3", session)).Should().Contain("Reused, ");
    }

    private static byte[] NewKey() => RandomNumberGenerator.GetBytes(80);
}
