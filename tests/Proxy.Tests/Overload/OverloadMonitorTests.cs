using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeProxyNet.Proxy.Tests.Overload;

/// <summary>When actions set in and end.</summary>
public sealed class OverloadMonitorTests : IDisposable
{
    private const long Ceiling = 1000;

    private readonly StatRegistry _registry = new();
    private readonly OverloadState _state = new();
    private readonly DownstreamConnectionLimit _connections = new();
    private readonly MemoryAllowance _allowance = new();
    private long _memory;
    private int _resets;
    private int _givenBack;
    private OverloadMonitor? _monitor;

    public void Dispose() => _monitor?.Dispose();

    [Theory]
    [InlineData(799, 0)]
    [InlineData(800, 1)]
    [InlineData(880, 2)]
    [InlineData(940, 3)]
    [InlineData(970, 4)]
    public void The_four_steps_set_in_one_after_the_other(long memory, int steps)
    {
        Watch(OverloadConfig.Default);

        See(memory);

        OverloadAction[] order =
        [
            OverloadAction.DisableHttpKeepAlive, OverloadAction.StopAcceptingRequests, OverloadAction.StopAcceptingConnections, OverloadAction.ResetHighMemoryStream,
        ];
        order.Count(_state.IsActive).Should().Be(steps);
        order.Take(steps).Should().OnlyContain(action => _state.IsActive(action));
        _resets.Should().Be(steps == 4 ? 1 : 0);
        _registry.Collect().Value("overload.envoy.overload_actions.disable_http_keepalive.active").Should().Be(steps > 0 ? 1 : 0);
        _registry.Collect().Value("overload.envoy.resource_monitors.fixed_heap.pressure").Should().Be(memory / 10);
    }

    [Fact]
    public void A_step_ends_only_well_below_its_threshold()
    {
        Watch(OverloadConfig.Default);
        See(800);

        See(780);
        _state.IsActive(OverloadAction.DisableHttpKeepAlive).Should().BeTrue();
        See(769);
        _state.IsActive(OverloadAction.DisableHttpKeepAlive).Should().BeFalse();
        See(780);
        _state.IsActive(OverloadAction.DisableHttpKeepAlive).Should().BeFalse();
        _state.IsAnyActive.Should().BeFalse();
    }

    [Fact]
    public void A_scaled_trigger_grows_from_none_to_all()
    {
        Watch(new OverloadConfig { Actions = [new OverloadTrigger(OverloadAction.StopAcceptingRequests, OverloadResource.Memory, 0.5, 0.9)] });

        See(700);
        _state.Percent(OverloadAction.StopAcceptingRequests).Should().Be(49);
        _state.Applies(OverloadAction.StopAcceptingRequests, random: 0).Should().BeTrue();
        _state.Applies(OverloadAction.StopAcceptingRequests, random: OverloadState.Always - 1).Should().BeFalse();
        _state.IsActive(OverloadAction.StopAcceptingRequests).Should().BeFalse();
        See(900);
        _state.IsActive(OverloadAction.StopAcceptingRequests).Should().BeTrue();
    }

    [Fact]
    public void Connections_can_be_what_presses()
    {
        _connections.Limit = 10;
        Watch(new OverloadConfig { Actions = [new OverloadTrigger(OverloadAction.DisableHttpKeepAlive, OverloadResource.DownstreamConnections, 0.9, 0.9)] });
        for (var i = 0; i < 8; i++)
        {
            _connections.TryTake().Should().BeTrue();
        }

        See(0);
        _state.IsAnyActive.Should().BeFalse();
        _connections.TryTake();
        See(0);
        _state.IsActive(OverloadAction.DisableHttpKeepAlive).Should().BeTrue();
    }

    [Fact]
    public void Unused_buffers_are_given_back_while_memory_is_short()
    {
        Watch(OverloadConfig.Default);
        See(Ceiling / 2);
        _givenBack.Should().Be(0);

        See(Ceiling * 9 / 10);

        _givenBack.Should().Be(1);
    }

    [Fact]
    public async Task Workers_that_take_more_than_they_may_find_memory_scarce_at_once_and_have_it_looked_at()
    {
        Watch(OverloadConfig.Default);
        See(800);
        _allowance.IsScarce.Should().BeFalse("the first step turns nothing away");

        _allowance.Take(80);
        _allowance.IsScarce.Should().BeFalse("so much is left below the second step");
        _memory = 880;
        _allowance.Take(1);

        _allowance.IsScarce.Should().BeTrue();
        await Patience.UntilAsync(() => _state.IsActive(OverloadAction.StopAcceptingRequests), "a look out of turn");
        _allowance.IsScarce.Should().BeTrue();
        See(849);
        _allowance.IsScarce.Should().BeFalse();
    }

    [Fact]
    public async Task What_was_taken_and_given_back_is_allowed_again()
    {
        Watch(OverloadConfig.Default);
        See(500);

        _allowance.Take(381);

        await Patience.UntilAsync(() => !_allowance.IsScarce, "a look that finds memory again");
        _state.IsAnyActive.Should().BeFalse();
    }

    [Fact]
    public void Without_a_ceiling_nothing_is_scarce()
    {
        Watch(new OverloadConfig { Actions = [new OverloadTrigger(OverloadAction.ShrinkHeap, OverloadResource.Memory, 0.5, 0.5)] });
        See(990);

        _allowance.Take(int.MaxValue);

        _allowance.IsScarce.Should().BeFalse();
    }

    [Fact]
    public void Memory_of_this_process_is_read() => ProcessMemory.Resident().Should().BeInRange(10_000_000, ProcessMemory.Granted());

    private void Watch(OverloadConfig config) => _monitor = new OverloadMonitor(
        config with { MaxMemoryBytes = Ceiling, RefreshInterval = TimeSpan.FromHours(1) },
        _state, _connections, () => _memory, () => _resets++, GiveBackAsync, _allowance, _registry, TimeProvider.System, NullLogger.Instance);

    private Task GiveBackAsync()
    {
        _givenBack++;
        return Task.CompletedTask;
    }

    private void See(long memory)
    {
        _memory = memory;
        _monitor!.Refresh();
    }
}
