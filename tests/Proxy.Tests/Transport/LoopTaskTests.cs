using AwesomeAssertions;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Tests.Transport;

/// <summary>Async methods on a loop that the test turns by hand.</summary>
public sealed class LoopTaskTests
{
    private readonly Gate _gate = new();
    private readonly List<string> _log = [];

    [Fact]
    public void A_method_that_never_waits_is_complete_at_once()
    {
        var task = AddAsync(1, 2, waits: 0);

        task.IsCompleted.Should().BeTrue();
        ResultOf(task).Should().Be(3);
    }

    [Fact]
    public void A_method_that_waits_gives_its_result_to_whoever_awaits_it()
    {
        LogAsync("sum", AddAsync(1, 2, waits: 3)).Detach();

        _gate.Open();
        _gate.Open();
        _log.Should().BeEmpty();
        _gate.Open();

        _log.Should().Equal("sum 3");
    }

    [Fact]
    public void A_task_that_ended_before_it_is_awaited_gives_its_result_all_the_same()
    {
        var task = AddAsync(2, 2, waits: 1);
        _gate.Open();
        task.IsCompleted.Should().BeTrue();

        LogAsync("late", task).Detach();

        _log.Should().Equal("late 4");
    }

    [Fact]
    public void An_exception_reaches_whoever_awaits_before_and_after_a_wait()
    {
        CatchAsync(() => FailAsync(waits: 0)).Detach();
        CatchAsync(() => FailAsync(waits: 1)).Detach();
        _gate.Open();

        _log.Should().Equal("caught broken", "caught broken");
    }

    [Fact]
    public void An_exception_of_a_detached_task_surfaces_on_the_loop()
    {
        FailAsync(waits: 1).Detach();

        var turn = _gate.Open;

        turn.Should().Throw<InvalidOperationException>().WithMessage("broken");
    }

    [Fact]
    public void Boxes_are_reused_without_mixing_up_their_users()
    {
        for (var round = 0; round < 100; round++)
        {
            for (var i = 0; i < 10; i++)
            {
                LogAsync($"{i}", AddAsync(round, i, waits: 1 + (i % 3))).Detach();
            }

            for (var n = 0; n < 3; n++)
            {
                _gate.Open();
            }

            _log.Should().BeEquivalentTo(Enumerable.Range(0, 10).Select(i => $"{i} {round + i}"));
            _log.Clear();
        }
    }

#if !DEBUG // In Debug builds the compiler makes every state machine a class.
    [Fact]
    public void A_steady_state_allocates_nothing()
    {
        for (var i = 0; i < 100; i++)
        {
            Turn();
        }

        Testing.AllocatedBytes.Least(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                Turn();
            }
        }).Should().Be(0);

        void Turn()
        {
            var task = AddAsync(1, 2, waits: 2);
            _gate.Open();
            _gate.Open();
            _ = ResultOf(task);
        }
    }
#endif

    private static int ResultOf(LoopTask<int> task) => task.GetAwaiter().GetResult();

    private async LoopTask<int> AddAsync(int a, int b, int waits)
    {
        for (var i = 0; i < waits; i++)
        {
            await _gate;
        }

        return a + b;
    }

    private async LoopTask<int> FailAsync(int waits)
    {
        for (var i = 0; i < waits; i++)
        {
            await _gate;
        }

        throw new InvalidOperationException("broken");
    }

    private async LoopTask LogAsync(string name, LoopTask<int> task) => _log.Add($"{name} {await task}");

    private async LoopTask CatchAsync(Func<LoopTask<int>> start)
    {
        try
        {
            await start();
        }
        catch (InvalidOperationException e)
        {
            _log.Add($"caught {e.Message}");
        }
    }

    /// <summary>Everyone who awaits it goes on at the next <see cref="Open"/>.</summary>
    private sealed class Gate : ILoopAwaiter
    {
        private List<LoopContinuation> _waiting = new(16);
        private List<LoopContinuation> _spare = new(16);

        public bool IsCompleted => false;

        public Gate GetAwaiter() => this;

        public void GetResult()
        {
            // Nothing to give.
        }

        public void OnCompleted(LoopContinuation continuation) => _waiting.Add(continuation);

        public void Open()
        {
            (_waiting, _spare) = (_spare, _waiting);
            foreach (var continuation in _spare)
            {
                continuation.Resume();
            }

            _spare.Clear();
        }
    }
}
